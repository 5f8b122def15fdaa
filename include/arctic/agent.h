/*
 * A whole agent: control API, store, kernel state and data plane, as arctic-agent runs it and as another program may embed it.
 */
#ifndef ARCTIC_AGENT_H
#define ARCTIC_AGENT_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/api.h>
#include <arctic/error.h>
#include <arctic/log.h>

#ifdef __cplusplus
extern "C" {
#endif

struct arctic_agent;

/* Who owns the nft table, see docs/operations.md. */
enum arctic_table_mode {
    ARCTIC_TABLE_AUTO = 0,  /* owned where the kernel can, plain elsewhere */
    ARCTIC_TABLE_OWNER = 1, /* the table vanishes with the process and nobody else can change it */
    ARCTIC_TABLE_PLAIN = 2, /* an ordinary table, left behind by kill -9 and replaced at the next start */
};

/* A port of this value means "any free port"; arctic_agent_ports() tells which it became. */
#define ARCTIC_PORT_ANY UINT16_MAX

/*
 * How an agent is, for whoever watches over it: called from arctic_agent_run() on its thread, at the first turn of its loop and then
 * every two seconds as long as its control loop turns; not any more once it was told to stop. `settled` is 0 until the kernel state
 * has been made or could not be (at most 15 s), and 1 from then on. `sentence` is one line of printable UTF-8 of at most 511 bytes,
 * valid during the call. It must not block, nor call into the agent but for arctic_agent_stop().
 */
typedef void (*arctic_agent_pulse_callback)(void *user, int32_t settled, const char *sentence);

/* Zero-initialise, set `size` to sizeof, then what should differ from the default. Texts are copied by arctic_agent_create(). */
struct arctic_agent_options {
    size_t size;
    const char *data_dir;         /* default /var/lib/arctic; made with mode 0700 where it is missing */
    const char *run_dir;          /* default /run/arctic; made with mode 0755 where it is missing */
    const char *api_address;      /* IP address the API listens on; default "::" (all, IPv4 included) */
    const char *parent_interface; /* parent of MACVLAN interfaces; default: the one with the default route */
    const char
        *tunnel_congestion; /* TCP congestion control of the tunnel; default "bbr" where the kernel has it */
    uint16_t api_port;      /* default 8080 */
    uint16_t tunnel_port;   /* default 61000 */
    uint16_t iptunnel_port; /* default 51840 */
    uint16_t tproxy_port;   /* port on loopback that captured flows arrive at; default any free one */
    uint32_t workers;       /* data-plane threads, 1..64; default 1 */
    int32_t table_mode;     /* enum arctic_table_mode */
    uint32_t
        mark_mask; /* packet mark bits that are Arctic's: 8 or more bits in one run; default 0xfff00000 */
    uint32_t route_table;   /* routing table of captured packets; default 61000 */
    uint32_t rule_priority; /* priority of the ip rule that leads there; default 610 */
    uint32_t prime_kb; /* padding that warms a fresh tunnel connection, each way, 0..65536 KiB; default 512 */
    int32_t prime_off; /* not 0: send no padding */
    struct arctic_log *log; /* may be NULL; stays the caller's and must outlive the agent */
    uint16_t
        api_tls_port; /* the API over TLS 1.3; default 8443, or any free one where api_port is ARCTIC_PORT_ANY */
    int32_t api_tls_off;      /* not 0: no API over TLS */
    const char *api_tls_cert; /* PEM file: the API's certificate and what stands between it and its CA; with
                                 api_tls_key. Default: the agent makes its own, data_dir/api.pem */
    const char *api_tls_key;  /* PEM file, mode 0600: the key of the certificate, not encrypted */
    arctic_agent_pulse_callback pulse; /* may be NULL */
    void *pulse_user;                  /* given to `pulse`; has to outlive arctic_agent_run() */
};

struct arctic_agent_ports {
    size_t size; /* set by the caller to sizeof before the call */
    uint16_t api_port;
    uint16_t tunnel_port;  /* 0 while the agent is not bootstrapped */
    uint16_t api_tls_port; /* 0 where TLS is off */
};

/*
 * Opens the data directory, checks the stored licence, starts the listeners and, where the agent has been bootstrapped, the kernel
 * state and the data plane. The agent is ready to be run when this returns; clients are answered once it runs.
 * Errors: ARCTIC_E_USAGE (options), ARCTIC_E_SYSTEM (directory, port, privileges), ARCTIC_E_CORRUPT (store or key),
 * ARCTIC_E_LICENSE_INVALID (the stored licence does not verify), ARCTIC_E_ALREADY_EXISTS (another agent uses a directory).
 */
ARCTIC_API int arctic_agent_create(const struct arctic_agent_options *options,
                                   struct arctic_agent **ret_agent, struct arctic_error *error);

/*
 * Runs the agent on the calling thread until arctic_agent_stop(), then takes back all kernel state. Call it once, from the thread
 * that created the agent. The program ignores SIGPIPE before. Errors: ARCTIC_E_USAGE when called twice.
 */
ARCTIC_API int arctic_agent_run(struct arctic_agent *agent, struct arctic_error *error);

/* Asks a running agent to stop; returns at once. Any thread, and from a signal handler. */
ARCTIC_API void arctic_agent_stop(struct arctic_agent *agent);

/*
 * The ports in use. Any thread, from arctic_agent_create() until the agent is told to stop. Errors: ARCTIC_E_USAGE,
 * ARCTIC_E_CANCELLED (it has been stopped).
 */
ARCTIC_API int arctic_agent_ports(const struct arctic_agent *agent, struct arctic_agent_ports *ret_ports,
                                  struct arctic_error *error);

/* Ends an agent that does not run (any more), with all kernel state it still holds. NULL is allowed. */
ARCTIC_API void arctic_agent_free(struct arctic_agent *agent);

#ifdef __cplusplus
}
#endif

#endif
