/* The firmware: one cell, for ever. */
#include "node.h"

PLANARIA_ENTRY planaria_node planaria_cell;

#if defined(__AVR__)
__attribute__((OS_main))
#endif
int main(void)
{
    node_boot(&planaria_cell);
    for (;;) {
        node_sleep(&planaria_cell);
        node_wake(&planaria_cell);
    }
}
