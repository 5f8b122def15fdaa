/* What every public header shares: the export marker, and the version of the library. */
#ifndef ARCTIC_API_H
#define ARCTIC_API_H

/* What the shared library exports; everything else is hidden. */
#if defined(__GNUC__)
#define ARCTIC_API __attribute__((visibility("default")))
#else
#define ARCTIC_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library that runs, such as "0.1.0". Static text. Any thread. */
ARCTIC_API const char *arctic_version(void);

#ifdef __cplusplus
}
#endif

#endif
