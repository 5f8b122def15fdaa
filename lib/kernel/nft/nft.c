/* libnftables. Its output and errors are buffered, so that nothing is printed. */
#include "kernel/nft/nft.h"

#include <malloc.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/netlink.h>

#include "base/error.h"

/*
 * Above this many bytes of commands libnftables has left much free memory behind (100,000 elements: 150
 * MB).
 */
#define TRIM_ABOVE (1u << 20)

struct arci_nft {
    struct nft_ctx *context;
};

/* libnftables ends the process where it can not open its socket, so it is tried before. */
static int check_socket(struct arctic_error *error)
{
    ARCI_CLOSE int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    return fd < 0 ? arci_fail_errno(error, "cannot open a netfilter netlink socket") : ARCTIC_OK;
}

int arci_nft_create(struct arci_nft **ret_nft, struct arctic_error *error)
{
    int code = check_socket(error);
    if (code < 0)
        return code;
    ARCI_CLEANUP(arci_nft_cleanup) struct arci_nft *nft = calloc(1, sizeof *nft);
    if (!nft)
        return arci_fail_memory(error);
    nft->context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft->context || nft_ctx_buffer_output(nft->context) || nft_ctx_buffer_error(nft->context))
        return arci_fail_memory(error);
    *ret_nft = arci_steal(nft);
    return ARCTIC_OK;
}

void arci_nft_free(struct arci_nft *nft)
{
    if (!nft)
        return;
    if (nft->context)
        nft_ctx_free(nft->context);
    free(nft);
}

/*
 * "Error: No such file or directory\ndelete map inet arctic s4_8\n    ^^^^" to "No such file or directory:
 * delete map ...".
 */
static int fail_with_output(const char *output, struct arctic_error *error)
{
    const char *found = strstr(output, "Error: ");
    const char *sentence = found ? found + strlen("Error: ") : output;
    size_t length = strcspn(sentence, "\n");
    const char *line = sentence[length] ? sentence + length + 1 : "";
    return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "nft: %.*s: %.*s", (int)(length < 160 ? length : 160),
                     sentence, (int)(strcspn(line, "\n") < 200 ? strcspn(line, "\n") : 200), line);
}

int arci_nft_run(struct arci_nft *nft, const char *commands, struct arctic_error *error)
{
    int result = nft_run_cmd_from_buffer(nft->context, commands);
    int code = result == 0 ? ARCTIC_OK : fail_with_output(nft_ctx_get_error_buffer(nft->context), error);
    if (strlen(commands) > TRIM_ABOVE)
        malloc_trim(0);
    return code;
}
