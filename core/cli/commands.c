#include "core/cli/cli.h"

const struct command commands[] = {
    { "status", "[NAME...]", "workloads and their rollouts, as a table or JSON", cmd_status,
      "  bakewatch status -n openpolicy\n"
      "  bakewatch status -A -o json\n"
      "  bakewatch status -w policy-api\n" },
    { "config", "validate|show", "check our config file, or show what is in force", cmd_config,
      "  bakewatch config validate\n"
      "  bakewatch config show --origin\n" },
    { "doctor", "", "check terminal, config, kubeconfig and the way to the cluster", cmd_doctor,
      "  bakewatch doctor\n"
      "  bakewatch doctor --pre\n" },
    { "version", "", "version and libraries", cmd_version, "" },
    { "help", "[COMMAND|keys|exit-codes]", "help", cmd_help, "" },
    { 0 },
};
