/* A request that was made in the process: its headers, and who waits for its answer. */
#include "rest/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/secret.h"

struct arci_http_submission {
    struct arci_http_submission *next;
    struct arci_http_submission **link; /* what points to this one */
    struct arci_request *request;
    struct {
        char *name;
        char *value; /* perhaps a token */
    } headers[ARCI_HTTP_SUBMIT_HEADERS];
    size_t header_count;
    bool serving; /* arci_http_server_submit() is under way and will see to the answer itself */
    arci_http_submit_done done;
    void *context;
};

static const char *find_header(void *source, const char *name)
{
    const struct arci_http_submission *submission = source;
    for (size_t i = 0; i < submission->header_count; i++) {
        if (strcasecmp(submission->headers[i].name, name) == 0)
            return submission->headers[i].value;
    }
    return NULL;
}

/* Client secrets do not come this way. */
static bool find_basic(void *source, char **ret_name, char **ret_secret)
{
    (void)source;
    (void)ret_name;
    (void)ret_secret;
    return false;
}

static void free_submission(struct arci_http_submission *submission)
{
    if (submission->link) {
        *submission->link = submission->next;
        if (submission->next)
            submission->next->link = submission->link;
    }
    for (size_t i = 0; i < submission->header_count; i++) {
        free(submission->headers[i].name);
        arci_free_secret(submission->headers[i].value);
    }
    if (submission->request)
        arci_request_detach(submission->request);
    free(submission);
}

ARCI_DEFINE_CLEANUP(struct arci_http_submission *, free_submission, submission_cleanup)

void arci_http_submission_cancel(struct arci_http_submission *submission)
{
    if (submission)
        free_submission(submission);
}

void arci_submissions_cancel_all(struct arci_http_server *server)
{
    while (server->submissions)
        free_submission(server->submissions);
}

/* The submission goes first: whoever waited may close the server in the call. */
static void answer(struct arci_http_submission *submission)
{
    const arci_http_submit_done done = submission->done;
    void *context = submission->context;
    struct arci_request *request = submission->request;
    arci_request_log(request);
    request->references++;
    free_submission(submission);
    done(context, &request->answer);
    arci_request_unreference(request);
}

static void on_answered(void *source)
{
    struct arci_http_submission *submission = source;
    if (!submission->serving)
        answer(submission);
}

static const struct arci_request_source source_calls = {find_header, find_basic, on_answered};

static int copy_headers(struct arci_http_submission *submission,
                        const struct arci_http_submit_options *options, struct arctic_error *error)
{
    if (options->header_count > ARCI_HTTP_SUBMIT_HEADERS)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "%zu headers, up to %d are taken",
                         options->header_count, ARCI_HTTP_SUBMIT_HEADERS);
    for (size_t i = 0; i < options->header_count; i++) {
        submission->headers[i].name = strdup(options->headers[i].name);
        submission->headers[i].value = strdup(options->headers[i].value);
        submission->header_count++;
        if (!submission->headers[i].name || !submission->headers[i].value)
            return arci_fail_memory(error);
    }
    return ARCTIC_OK;
}

static void take_body(struct arci_request *request, const struct arci_http_submit_options *options)
{
    if (request->rejection.code < 0)
        return;
    if (options->body_length > ARCI_HTTP_BODY_MAX)
        arci_request_reject_size(request);
    else
        arci_buffer_append(&request->body, options->body, options->body_length);
}

static void enlist(struct arci_http_server *server, struct arci_http_submission *submission)
{
    submission->next = server->submissions;
    submission->link = &server->submissions;
    if (submission->next)
        submission->next->link = &submission->next;
    server->submissions = submission;
}

int arci_http_server_submit(struct arci_http_server *server, const struct arci_http_submit_options *options,
                            arci_http_submit_done done, void *context,
                            struct arci_http_submission **ret_submission, struct arctic_error *error)
{
    ARCI_CLEANUP(submission_cleanup) struct arci_http_submission *made = calloc(1, sizeof *made);
    if (!made)
        return arci_fail_memory(error);
    made->done = done;
    made->context = context;
    int code = copy_headers(made, options, error);
    if (code < 0)
        return code;
    made->request = arci_request_create(server, options->target, &options->remote, &source_calls, made);
    if (!made->request)
        return arci_fail_memory(error);
    made->request->carried = options->carried;
    enlist(server, made);
    made->serving = true;
    arci_request_admit(made->request, options->method);
    take_body(made->request, options);
    bool answered = arci_request_serve(made->request);
    made->serving = false;
    struct arci_http_submission *submission = arci_steal(made);
    if (ret_submission)
        *ret_submission = answered ? NULL : submission;
    if (answered)
        answer(submission);
    return ARCTIC_OK;
}
