/* The core as a filter, to be run under the sanitisers: a genome of argv[1] bytes, then neighbourhoods of 144 bytes on
 * the standard input; new states of 16 bytes on the standard output.  Answers 1 when the input ends early. */
#include <stdio.h>
#include <stdlib.h>

#include "host.c"

int main(int argc, char **argv)
{
    static uint8_t genome[48 + 256 * GENOME_UNIT_BYTES];
    int8_t in[9 * PLANARIA_CHANNELS];
    int8_t out[PLANARIA_CHANNELS];
    const size_t bytes = argc == 2 ? (size_t)strtoul(argv[1], NULL, 10) : 0;
    if (bytes == 0 || bytes > sizeof genome || fread(genome, 1, bytes, stdin) != bytes) {
        return 1;
    }
    while (fread(in, 1, sizeof in, stdin) == sizeof in) {
        planaria_host_update(genome, in, out, 1);
        fwrite(out, 1, sizeof out, stdout);
    }
    return 0;
}
