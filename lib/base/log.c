/* Formats log events as JSON or text lines in a buffer on the stack and hands them to the program's callback.
 */
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/time.h"
#include "base/utf8.h"

/* A longer event loses its last fields; the line stays valid JSON. */
#define LINE_MAX_BYTES 4096
#define LIMIT_MS 1000

struct arctic_log {
    int32_t level;
    int32_t format;
    arctic_log_callback callback;
    void *user;
};

struct line {
    char text[LINE_MAX_BYTES];
    size_t used;
    bool overflow;
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const format_names[] = {"json", "text"};

static int parse_name(const char *const *names, size_t count, const char *what, const char *name,
                      int32_t *ret_index, struct arctic_error *error)
{
    for (size_t i = 0; name && i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            *ret_index = (int32_t)i;
            return ARCTIC_OK;
        }
    }
    char known[64] = "";
    for (size_t i = 0; i < count; i++) {
        strcat(known, i == 0 ? "" : i + 1 == count ? " or " : ", ");
        strcat(known, names[i]);
    }
    return arci_fail(error, ARCTIC_E_USAGE, what, "%s '%s' is not known, use %s", what, name ? name : "",
                     known);
}

int arctic_log_level_parse(const char *name, int32_t *ret_level, struct arctic_error *error)
{
    return parse_name(level_names, 4, "log level", name, ret_level, error);
}

int arctic_log_format_parse(const char *name, int32_t *ret_format, struct arctic_error *error)
{
    return parse_name(format_names, 2, "log format", name, ret_format, error);
}

int arctic_log_create(int32_t level, int32_t format, arctic_log_callback callback, void *user,
                      struct arctic_log **ret_log, struct arctic_error *error)
{
    if (level < ARCTIC_LOG_DEBUG || level > ARCTIC_LOG_ERROR)
        return arci_fail(error, ARCTIC_E_USAGE, "level", "log level %d is not known", level);
    if (format != ARCTIC_LOG_JSON && format != ARCTIC_LOG_TEXT)
        return arci_fail(error, ARCTIC_E_USAGE, "format", "log format %d is not known", format);
    struct arctic_log *log = calloc(1, sizeof *log);
    if (!log)
        return arci_fail_memory(error);
    *log = (struct arctic_log){.level = level, .format = format, .callback = callback, .user = user};
    *ret_log = log;
    return ARCTIC_OK;
}

void arctic_log_free(struct arctic_log *log)
{
    free(log);
}

bool arci_log_enabled(const struct arctic_log *log, int32_t level)
{
    return log && log->callback && level >= log->level;
}

/* Two bytes stay free for what closes an object after an overflow. */
static void put(struct line *line, const char *bytes, size_t length)
{
    if (line->overflow || length > sizeof line->text - 2 - line->used) {
        line->overflow = true;
        return;
    }
    memcpy(line->text + line->used, bytes, length);
    line->used += length;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* None of the code points that need this lies beyond the basic plane, so there are no surrogate pairs to
 * write. */
static void put_escaped(struct line *line, uint32_t codepoint)
{
    char escaped[16];
    const char *letter = codepoint == 0 ? NULL : strchr("\tt\nn\rr", (int)codepoint);
    if (codepoint < ' ' && letter) {
        put(line, (char[]){'\\', letter[1]}, 2);
        return;
    }
    int length = snprintf(escaped, sizeof escaped, "\\u%04x", codepoint);
    put(line, escaped, (size_t)length);
}

/* Log text may come from a peer: what is no plain text is escaped, so that no line can be forged and no
 * terminal steered. */
static void put_quoted(struct line *line, const char *text)
{
    put(line, "\"", 1);
    while (*text) {
        uint32_t codepoint = 0xfffd;
        size_t length = arci_utf8_decode(text, &codepoint);
        if (*text == '"' || *text == '\\')
            put(line, (char[]){'\\', *text}, 2);
        else if (length == 0 || !arci_utf8_printable(codepoint))
            put_escaped(line, codepoint);
        else
            put(line, text, length);
        text += length ? length : 1;
    }
    put(line, "\"", 1);
}

static void put_number(struct line *line, int64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)number);
    put_text(line, digits);
}

static void put_json_member(struct line *line, const struct arci_log_field *field)
{
    put(line, ",", 1);
    put_quoted(line, field->name);
    put(line, ":", 1);
    if (field->text)
        put_quoted(line, field->text);
    else
        put_number(line, field->number);
}

/* Adds one member whole or not at all. */
static void put_json_member_whole(struct line *line, const struct arci_log_field *field)
{
    size_t before = line->used;
    put_json_member(line, field);
    if (line->overflow)
        line->used = before;
}

static void format_json(struct line *line, int32_t level, const char *subsystem, const char *time,
                        const char *message, const struct arci_log_field *fields)
{
    put_text(line, "{\"time\":");
    put_quoted(line, time);
    put_json_member_whole(line, &ARCI_TEXT("level", level_names[level]));
    put_json_member_whole(line, &ARCI_TEXT("subsystem", subsystem));
    put_json_member_whole(line, &ARCI_TEXT("message", message));
    for (; fields->name && !line->overflow; fields++)
        put_json_member_whole(line, fields);
    line->text[line->used++] = '}';
}

static void put_text_field_whole(struct line *line, const struct arci_log_field *field)
{
    size_t before = line->used;
    put(line, " ", 1);
    put_text(line, field->name);
    put(line, "=", 1);
    if (field->text)
        put_quoted(line, field->text);
    else
        put_number(line, field->number);
    if (line->overflow)
        line->used = before;
}

static void format_text(struct line *line, int32_t level, const char *subsystem, const char *time,
                        const char *message, const struct arci_log_field *fields)
{
    put_text(line, time);
    put(line, " ", 1);
    put_text(line, level_names[level]);
    put(line, " ", 1);
    put_text(line, subsystem);
    put_text(line, ": ");
    put_text(line, message);
    for (; fields->name && !line->overflow; fields++)
        put_text_field_whole(line, fields);
}

bool arci_log_allowed(struct arci_log_limit *limit, int64_t now, int64_t *ret_suppressed)
{
    if (limit->logged_at != 0 && now - limit->logged_at < LIMIT_MS) {
        limit->suppressed++;
        return false;
    }
    *ret_suppressed = limit->suppressed;
    *limit = (struct arci_log_limit){.logged_at = now};
    return true;
}

void arci_log_write(struct arctic_log *log, int32_t level, const char *subsystem, const char *message,
                    const struct arci_log_field *fields)
{
    if (!arci_log_enabled(log, level))
        return;
    char time[ARCI_TIME_TEXT];
    arci_time_format(arci_time_now(), time);
    struct line line;
    line.used = 0;
    line.overflow = false;
    if (log->format == ARCTIC_LOG_JSON)
        format_json(&line, level, subsystem, time, message, fields);
    else
        format_text(&line, level, subsystem, time, message, fields);
    line.text[line.used] = '\0';
    log->callback(log->user, level, line.text, line.used);
}
