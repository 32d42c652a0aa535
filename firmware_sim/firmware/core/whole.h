/* What the compiler must leave whole, even where it sees the whole program.
 *
 * ENTRY: a test stand wants to find and call it.  WHOLE: inlined, it would cost its caller stack for the whole wake; on
 * AVR, where flash is the scarcer, nothing is held back. */
#ifndef PLANARIA_WHOLE_H
#define PLANARIA_WHOLE_H

#if defined(__GNUC__) && !defined(__AVR__) && !defined(__clang__)
#define PLANARIA_ENTRY __attribute__((used, externally_visible))
#define PLANARIA_WHOLE __attribute__((noinline))
#else
#define PLANARIA_ENTRY
#define PLANARIA_WHOLE
#endif

#endif
