#include "core/cli/cli.h"

const struct command commands[] = {
    { "status", "[NAME...]", "workloads and their rollouts, as a table or JSON", cmd_status,
      "  bakewatch status -n openpolicy\n"
      "  bakewatch status -A -o json\n"
      "  bakewatch status -w policy-api\n\n"
      "DEPLOYED is how long the present pod template is in force, RESTARTS are those since then.\n" },
    { "watch", "[NAME...]", "the verdict without a screen: for pipelines; ends with it as exit code", cmd_watch,
      "  bakewatch watch -n openpolicy --window 30m -o ndjson\n"
      "  bakewatch watch policy-api --fail-on watch --report report.html\n"
      "  bakewatch watch --since 5m\n\n"
      "It follows the windows of what was deployed, or begins one now when nothing was; ROLL BACK ends it at once.\n" },
    { "replay", "[FILE]", "judge a recorded window again: the same samples, the same verdict", cmd_replay,
      "  bakewatch replay\n"
      "  bakewatch replay ~/.local/state/bakewatch/history/eks-1-3f21c0aa.db -o json\n" },
    { "report", "[FILE]", "the deployment report of a recorded window", cmd_report,
      "  bakewatch report > report.md\n"
      "  bakewatch report --format html > report.html\n" },
    { "smoke", "[NAME...]", "run the config's smoke checks: HTTP steps with assertions", cmd_smoke,
      "  bakewatch smoke -e staging\n"
      "  bakewatch smoke -e staging --write orders\n\n"
      "Exit: 0 all steps are ok, 1 one failed, 3 one was not run (a step that writes needs --write).\n" },
    { "demo", "[watch [NAME...]]", "a simulated platform and a story of it: nothing real is touched", cmd_demo,
      "  bakewatch demo\n"
      "  bakewatch demo --scenario dependency-down --speed 30\n"
      "  bakewatch demo --headless --speed 60 | grep '\"type\":\"error\"'\n"
      "  bakewatch demo watch --scenario good-release --speed 60\n" },
    { "journal", "[unfinished|close OP|verify]", "what was changed from here, and whether that record is whole", cmd_journal,
      "  bakewatch journal\n"
      "  bakewatch journal -o ndjson\n"
      "  bakewatch journal unfinished\n"
      "  bakewatch journal close 3f21c0aa --note 'the row was resolved: looked it up'\n"
      "  bakewatch journal verify\n" },
    { "run", "[--service S --stage S --env E] -- COMMAND", "run a deployment step; its failure becomes a row", cmd_run,
      "  bakewatch run --service payments --stage migrate --env prod -- ./migrate.sh\n"
      "  bakewatch run --service web --stage deploy --impact 'checkout is slow' -- helm upgrade web ./chart\n" },
    { "config", "validate|show", "check our config file, or show what is in force", cmd_config,
      "  bakewatch config validate\n"
      "  bakewatch config show --origin\n" },
    { "errors", "[-f] | show ID | resolve ID | ... | init | classify | deliver", "the team's error table: list, follow, work one", cmd_errors,
      "  bakewatch errors --since 1h --severity high\n"
      "  bakewatch errors -f -o ndjson\n"
      "  bakewatch errors show 4711\n"
      "  bakewatch errors resolve 4711 --note 'raised the limit'\n"
      "  bakewatch errors --errors-db sqlite:///srv/ops/errors.db\n"
      "  bakewatch errors init | psql ops\n"
      "  bakewatch errors init --apply --errors-db service=ops\n"
      "  bakewatch errors classify --code NET-12 'dial tcp 10.0.0.1:5432: connection refused'\n" },
    { "doctor", "", "check terminal, config, kubeconfig and the way to the cluster", cmd_doctor,
      "  bakewatch doctor\n"
      "  bakewatch doctor --pre\n" },
    { "version", "", "version and libraries", cmd_version, "" },
    { "help", "[COMMAND|flags|keys|exit-codes]", "help", cmd_help, "" },
    { 0 },
};
