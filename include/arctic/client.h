/*
 * A blocking client of an agent's REST API: tries the endpoints of a cluster in order, obtains and renews its
 * token, and turns error answers into struct arctic_error.
 *
 * A client is used by one thread at a time; different clients are independent. It reads no environment and
 * uses no proxy. Connections are kept alive between requests.
 */
#ifndef ARCTIC_CLIENT_H
#define ARCTIC_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/api.h>
#include <arctic/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Size of a fingerprint's text, the terminating NUL included. */
#define ARCTIC_FINGERPRINT_TEXT 72

/* The largest answer that a client takes. */
#define ARCTIC_CLIENT_ANSWER_MAX (64 * 1024 * 1024)

struct arctic_client;

/* Zero-initialise, set `size` to sizeof, then the members. Texts are copied by arctic_client_create(). */
struct arctic_client_options {
    size_t size;
    const char *const
        *endpoints;        /* "http://host:port" or "https://host:port", ended by NULL; 1..64 of them */
    const char *client_id; /* with client_secret: tokens are obtained as needed; NULL for none */
    const char *client_secret;
    const char *token;          /* bearer token to use until it is refused; NULL for none */
    const char *user_agent;     /* NULL: "libarctic/<version>" */
    int32_t timeout_ms;         /* for one call as a whole, token and all endpoints included; 0: 30000 */
    int32_t connect_timeout_ms; /* at most, for one connection to one endpoint; 0: 5000 */
    uint32_t socket_mark;       /* SO_MARK of its sockets, needs CAP_NET_ADMIN; 0: none */
    /*
     * NULL, or as many as there are endpoints and in their order: the fingerprint of the key that an https
     * endpoint has to show, in a form that arctic_fingerprint_normalize() takes. An https endpoint without one
     * (NULL or "") needs a certificate for its name from a CA that this host trusts.
     */
    const char *const *fingerprints;
    const char *
        peer; /* id of the peer that is to serve the requests, by way of the endpoint; NULL: the endpoint itself */
    /*
     * The recovery token of the agent, which makes each request one of an administrator; used in the place of
     * credentials and tokens. It goes to https endpoints and to this host itself, never in the clear. NULL: none
     */
    const char *recovery_token;
};

/*
 * Makes a client; nothing is sent yet. Errors: ARCTIC_E_USAGE (options, with the member in `field`),
 * ARCTIC_E_NO_MEMORY.
 */
ARCTIC_API int arctic_client_create(const struct arctic_client_options *options,
                                    struct arctic_client **ret_client, struct arctic_error *error);

/* Ends a client and wipes its secrets. NULL is allowed. */
ARCTIC_API void arctic_client_free(struct arctic_client *client);

/*
 * Sends one request and waits for its answer. `path` begins with '/' and is escaped already, see
 * arctic_client_escape(). `body` is JSON or NULL for none.
 *
 * The endpoint that answered last comes first. The next one is tried when no connection can be made, and for
 * GET also when the connection breaks; other requests are not repeated, since they may have been carried out.
 * Paths that the API serves to everybody are asked for without a token.
 *
 * On success the status was below 400; *ret_status (may be NULL) is it, *ret_body (may be NULL) is the body,
 * "" where there is none, to be given to arctic_client_free_text().
 * Errors: what the agent answered, by the code it names, with its message and field; ARCTIC_E_UNREACHABLE
 * naming each endpoint and why; ARCTIC_E_UNTRUSTED (an https endpoint shows another key than it has to, both
 * named, or one that no CA vouches for; nothing was sent to it); ARCTIC_E_TIMEOUT; ARCTIC_E_LIMIT (the answer is too large); ARCTIC_E_PROTOCOL
 * (no HTTP, or a token answer that makes no sense); ARCTIC_E_USAGE; ARCTIC_E_NO_MEMORY.
 */
ARCTIC_API int arctic_client_request(struct arctic_client *client, const char *method, const char *path,
                                     const char *body, int32_t *ret_status, char **ret_body,
                                     struct arctic_error *error);

/*
 * As arctic_client_request(), but an answer of any status is a success, for calls such as GET /readyz whose
 * body means something beside a status of 503.
 */
ARCTIC_API int arctic_client_send(struct arctic_client *client, const char *method, const char *path,
                                  const char *body, int32_t *ret_status, char **ret_body,
                                  struct arctic_error *error);

/*
 * Bootstraps the agent: POST /v1/bootstrap with the text of a licence file and, unless NULL, a name and a
 * description. *ret_body holds the client secret: arctic_client_free_text() wipes it.
 * Errors: ARCTIC_E_LICENSE_INVALID when the licence is no JSON object, else as arctic_client_request().
 */
ARCTIC_API int arctic_client_bootstrap(struct arctic_client *client, const char *license_json,
                                       const char *name, const char *description, char **ret_body,
                                       struct arctic_error *error);

/*
 * The endpoint that answered last, or the first one before any did: without a slash at its end. Valid until
 * the client is freed.
 */
ARCTIC_API const char *arctic_client_endpoint(const struct arctic_client *client);

/*
 * Whether secrets may go to an endpoint unseen by the network: 1 for https and for http to a loopback
 * address or localhost, 0 for any other text. Any thread.
 */
ARCTIC_API int32_t arctic_client_is_private(const char *endpoint);

/*
 * The fingerprint of the key that the client's endpoint shows, see arctic_client_endpoint(): SHA-256 over the
 * public key (SubjectPublicKeyInfo) as "sha256:" and 64 hex digits. The connection is made for that alone: no
 * request is sent, and who answers is not checked. For a first use of an agent, whose fingerprint is compared
 * with what the agent's log says, or is kept and required from then on. Errors: ARCTIC_E_USAGE (no https
 * endpoint), ARCTIC_E_UNREACHABLE, ARCTIC_E_PROTOCOL, ARCTIC_E_NO_MEMORY.
 */
ARCTIC_API int arctic_client_fingerprint(struct arctic_client *client,
                                         char ret_fingerprint[ARCTIC_FINGERPRINT_TEXT],
                                         struct arctic_error *error);

/*
 * Brings a fingerprint to its one form, "sha256:" and 64 lower-case hex digits. `text` is that in any case,
 * with or without "sha256:" in front and colons between pairs of digits, or curl's "sha256//" and base64.
 * Errors: ARCTIC_E_USAGE. Any thread.
 */
ARCTIC_API int arctic_fingerprint_normalize(const char *text, char ret_fingerprint[ARCTIC_FINGERPRINT_TEXT],
                                            struct arctic_error *error);

/*
 * Whether the peer with this identity key vouches for a fingerprint: `public_key`, `fingerprint` and
 * `signature` are the texts `public_key`, `api_fingerprint` and `api_fingerprint_signature` of
 * GET /v1/cluster/identity, the key from a source that is trusted. Errors: ARCTIC_E_UNTRUSTED (it does not),
 * ARCTIC_E_USAGE (no such texts), ARCTIC_E_NO_MEMORY. Any thread.
 */
ARCTIC_API int arctic_fingerprint_verify(const char *public_key, const char *fingerprint,
                                         const char *signature, struct arctic_error *error);

/*
 * Escapes a text for use as one segment of a path or as a query value. The result goes to
 * arctic_client_free_text(); NULL when memory runs out. Any thread.
 */
ARCTIC_API char *arctic_client_escape(const char *text);

/* Wipes and frees a text that this header's functions gave. NULL is allowed. Any thread. */
ARCTIC_API void arctic_client_free_text(char *text);

#ifdef __cplusplus
}
#endif

#endif
