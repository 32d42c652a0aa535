"""The boards a cell can live on: how its firmware is built, what the image costs, and emulators that run it.

    catalog  what a board is          build    genome -> image          image    one ELF file, read and patched
    stack    call-graph bound         avr      simavr                   machine  unicorn
    mailbox  the other end of the line, without IO                      trial    the whole image at work
    budget   what it costs           check    is it right               faults   what hardware does

It never imports cellnode, coordinator or trainer.  Imports: numpy; pyelftools and unicorn where asked for.
"""
