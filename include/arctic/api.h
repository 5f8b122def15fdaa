/* Export marker shared by every public header. */
#ifndef ARCTIC_API_H
#define ARCTIC_API_H

/* What the shared library exports; everything else is hidden. */
#if defined(__GNUC__)
#define ARCTIC_API __attribute__((visibility("default")))
#else
#define ARCTIC_API
#endif

#endif
