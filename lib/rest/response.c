/* The answers: JSON or text, the error form, and nothing of the inside in what a client is told. */
#include "rest/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"

#define REAL_DIGITS 9 /* 0.795, not 0.79500000000000004 */

/* Takes over `body`. */
static void set_answer(struct arci_request *request, int status, const char *content_type, char *body,
                       size_t length)
{
    request->answer = (struct arci_http_answer){
        .status = (unsigned)status, .content_type = content_type, .body = body, .length = length};
}

static int append_text(const char *text, size_t length, void *buffer)
{
    arci_buffer_append(buffer, text, length);
    return ((struct arci_buffer *)buffer)->failed ? -1 : 0;
}

/* The text of an answer, with a newline for those who look at it in a terminal. */
static char *json_text(const json_t *body, size_t *ret_length)
{
    ARCI_BUFFER buffer = {.limit = 0};
    if (json_dump_callback(body, append_text, &buffer, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) < 0)
        return NULL;
    arci_buffer_text(&buffer, "\n");
    *ret_length = buffer.length;
    return arci_buffer_take_text(&buffer);
}

static void set_json(struct arci_request *request, int status, const json_t *body)
{
    size_t length = 0;
    char *text = body ? json_text(body, &length) : NULL;
    if (text)
        set_answer(request, status, "application/json", text, length);
}

/* What a client is told of an error: the library's own codes stay inside. */
static struct arctic_error public_error(struct arci_request *request, const struct arctic_error *error)
{
    if (error->code < 0 && error->code > ARCTIC_E_INTERNAL)
        return *error;
    char path[ARCI_PATH_LOG_SIZE];
    struct arctic_log *log = request->server ? request->server->options.log : NULL;
    arci_log_error(log, "api", "request failed", ARCI_TEXT("method", request->method),
                   ARCI_TEXT("path", arci_request_path_for_log(request, path)), ARCI_ERROR(error));
    struct arctic_error public;
    arci_fail(&public, ARCTIC_E_INTERNAL, NULL, "internal error, the agent's log says more");
    return public;
}

void arci_request_set_failure(struct arci_request *request, const struct arctic_error *error)
{
    struct arctic_error told = public_error(request, error);
    /* They may quote what a client sent, or have been cut within a character. */
    arci_utf8_repair(told.message);
    arci_utf8_repair(told.field);
    ARCI_JSON *body =
        json_pack("{s:o, s:s}", "error", json_string(told.message), "code", arctic_code_name(told.code));
    if (body && told.field[0])
        json_object_set_new(body, "field", json_string(told.field));
    set_json(request, arctic_code_http_status(told.code), body);
}

/* Ends the handler's use of the request. */
static void finish(struct arci_request *request)
{
    arci_request_drop_body(request);
    if (request->source)
        request->source_calls->answered(request->source);
    arci_request_unreference(request);
}

void arci_request_fail(struct arci_request *request, const struct arctic_error *error)
{
    arci_request_set_failure(request, error);
    finish(request);
}

static void fail_memory(struct arci_request *request)
{
    struct arctic_error error;
    arci_fail_memory(&error);
    arci_request_fail(request, &error);
}

void arci_request_respond_json(struct arci_request *request, int status, json_t *body)
{
    ARCI_JSON *owned = body;
    if (owned)
        set_json(request, status, owned);
    if (!request->answer.status)
        fail_memory(request);
    else
        finish(request);
}

void arci_request_respond_text(struct arci_request *request, int status, const char *content_type, char *text)
{
    if (text)
        set_answer(request, status, content_type, text, strlen(text));
    if (!request->answer.status)
        fail_memory(request);
    else
        finish(request);
}

void arci_request_respond_copy(struct arci_request *request, unsigned status, const char *content_type,
                               const char *body, size_t length)
{
    char *copy = malloc(length + 1);
    if (!copy) {
        fail_memory(request);
        return;
    }
    if (length > 0)
        memcpy(copy, body, length);
    copy[length] = '\0';
    snprintf(request->content_type, sizeof request->content_type, "%s", content_type ? content_type : "");
    set_answer(request, (int)status, content_type ? request->content_type : NULL, copy, length);
    finish(request);
}

void arci_request_respond_empty(struct arci_request *request, int status)
{
    set_answer(request, status, NULL, NULL, 0);
    if (!request->answer.status)
        fail_memory(request);
    else
        finish(request);
}
