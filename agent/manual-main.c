/* Run by the build: agent-manual DATE writes the manual page arctic-agent(8), with the settings from their table. */
#include <stdio.h>

#include "settings.h"

static const char before_settings[] =
    ".SH NAME\n"
    "arctic-agent \\- the Arctic daemon\n"
    ".SH SYNOPSIS\n"
    "\\fBarctic-agent\\fR [\\fB\\-\\-env-file\\fR \\fIFILE\\fR] "
    "[\\fB\\-\\-\\fISETTING\\fR \\fIVALUE\\fR ...]\n"
    ".SH DESCRIPTION\n"
    "Runs in the foreground as root, captures the traffic that the routes "
    "of its services name, and carries it to\n"
    "the agents of other sites.\n"
    "It is controlled by its REST API, most easily with\n"
    ".BR arctic (1).\n"
    "A new agent only serves that API until\n"
    ".BR arctic-bootstrap (1)\n"
    "gives it an identity and a licence.\n"
    ".PP\n"
    "Under systemd it is the unit \\fIarctic.service\\fR, which it tells when it is ready, how it is and\n"
    "that it is alive; its lines then have priorities for the journal.\n"
    ".SH SETTINGS\n"
    "A setting is taken from its flag, else from the environment, else "
    "from the file, else from its default.\n";

static const char after_settings[] =
    ".TP\n"
    "\\fB\\-\\-env-file\\fR \\fIFILE\\fR\n"
    "settings file to read instead of " SETTINGS_FILE "; it has to exist\n"
    ".SH SIGNALS\n"
    "SIGTERM, SIGINT and SIGHUP end the agent; it takes back what it changed on the host.\n"
    ".SH FILES\n"
    ".TP\n"
    ".I " SETTINGS_FILE "\n"
    "settings, one NAME=value a line\n"
    ".TP\n"
    ".I /var/lib/arctic\n"
    "DATA_DIR: the database and the keys of this agent; back it up as a whole\n"
    ".TP\n"
    ".I /run/arctic/recovery.token\n"
    "in RUN_DIR: makes root on this host an administrator of its agent, see \\-\\-recovery\\-token\\-file "
    "in\n"
    ".BR arctic (1)\n"
    ".SH EXIT STATUS\n"
    "0 after a signal, 1 where the agent cannot start or go on, 2 for a setting that makes no sense.\n"
    ".SH SEE ALSO\n"
    ".BR arctic (1),\n"
    ".BR nft (8)\n";

int main(int argc, char **argv)
{
    struct setting_description setting;
    if (argc != 2) {
        fputs("usage: agent-manual DATE\n", stderr);
        return 2;
    }
    printf(".\\\" Made from the table of settings in agent/settings.c.\n"
           ".TH ARCTIC-AGENT 8 %s \"arctic %s\" \"Arctic\"\n%s",
           argv[1], arctic_version(), before_settings);
    for (size_t i = 0; settings_describe(i, &setting); i++)
        printf(".TP\n\\fB%s\\fR, \\fB\\-\\-%s\\fR \\fIVALUE\\fR\n%s (default: %s)\n", setting.name,
               setting.flag, setting.help, setting.fallback[0] ? setting.fallback : "none");
    fputs(after_settings, stdout);
    return fflush(stdout) == 0 ? 0 : 1;
}
