/* One byte more in a CRC-16 (CCITT, polynomial 0x1021), without a table.  On AVR crc_avr.S does the same. */
#include "link.h"

#if defined(__AVR__) && !defined(PLANARIA_NO_ASSEMBLY)
typedef int link_crc_is_assembly;
#else
uint16_t link_crc(uint16_t crc, uint8_t byte)
{
    crc = (uint16_t)((crc >> 8) | (crc << 8));
    crc ^= byte;
    crc ^= (uint16_t)((crc & 0xFFU) >> 4);
    crc ^= (uint16_t)(crc << 12);
    crc ^= (uint16_t)((crc & 0xFFU) << 5);
    return crc;
}
#endif
