/* The file of settings: NAME=value lines, as systemd's EnvironmentFile= takes them (systemd.exec(5)). */
#ifndef ARCTIC_AGENT_SETTINGS_FILE_H
#define ARCTIC_AGENT_SETTINGS_FILE_H

#include <stdbool.h>

/* A line's name and value; `origin` names file and line. False, with a message on stderr, ends the reading. */
typedef bool (*settings_file_callback)(void *user, const char *name, const char *value, const char *origin);

/*
 * Hands over what the file says, line by line. A file that is not there is an error only where it is `required`. Returns false, with a
 * message on stderr, for a file that can not be read, is larger than 64 KiB or no text, a line that is not understood, and where the
 * callback gave it.
 */
bool settings_file_read(const char *path, bool required, settings_file_callback take, void *user);

#endif
