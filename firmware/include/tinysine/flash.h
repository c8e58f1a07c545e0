/* Constants that stay in flash. Where code and data share one address space, const says enough. On AVR it
 * does not: a constant is copied to RAM, of which there are 2 kB, unless its type and every pointer to it say
 * that it is elsewhere. C only; C++ has no such types. */
#ifndef TINYSINE_FLASH_H
#define TINYSINE_FLASH_H

#ifdef __FLASH
#define TS_FLASH __flash
/* GCC 5 forgets what memory a pointer is to when it makes loops' pointers its own, and reads RAM instead.
 * Include this header before the functions that it is to protect. */
#pragma GCC optimize("no-ivopts")
#else
#define TS_FLASH
#endif

#endif
