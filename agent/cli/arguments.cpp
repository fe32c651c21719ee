#include "agent/cli/arguments.hpp"

#include "agent/cli/text.hpp"
#include "agent/control/control_api.hpp"
#include "base/bytes.hpp"

#include <algorithm>
#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace mxseal::cli {

namespace {

// A reason is read by people, in one log line.
constexpr std::size_t kReasonMax = 500;
// Our choice: a few days for a look at rolls of minutes, and more than anybody plans ahead.
constexpr double kYearsMin = 0.01, kYearsMax = 100;

class Grammar {
public:
    Grammar(Arguments& arguments, const std::string& version)
        : arguments_(arguments), app_("Keeps the TLS keys, certificates and TLSA records of mail hosts in step.", "mxseal") {
        app_.set_version_flag("--version", "mxseal " + version);
        app_.add_option("--config", arguments_.config, "Configuration file; else $MXSEAL_CONFIG, else /etc/mxseal/mxseal.yaml")->type_name("FILE");
        app_.require_subcommand(1);
        app_.fallthrough();
        app_.footer("Exit codes: 0 done or only waiting, 1 failed or a host halted, 2 usage or configuration.\nExample: mxseal status");
        add_reading();
        add_doing();
        add_changing();
        add_domain();
        add_mx();
        add_hook();
        add_init();
    }

    CLI::App& app() { return app_; }

private:
    CLI::App* add(const std::string& name, Verb verb, const std::string& what, const std::string& example) {
        CLI::App* command = app_.add_subcommand(name, what);
        command->footer("Example: " + example);
        command->final_callback([this, verb] { arguments_.verb = verb; });
        return command;
    }

    void add_json(CLI::App* command) { command->add_flag("--json", arguments_.json, "Print facts as JSON"); }

    void add_hosts(CLI::App* command, const std::string& what) { command->add_option("HOST", arguments_.hosts, what)->type_name(""); }

    void add_reading() {
        CLI::App* config = app_.add_subcommand("config", "Questions about the configuration");
        config->require_subcommand(1);
        config->footer("Example: mxseal config check");
        CLI::App* check = config->add_subcommand("check", "Read the configuration and print every mistake, one a line; nothing is started or changed");
        check->footer("Example: mxseal --config /etc/mxseal/mxseal.yaml config check");
        check->final_callback([this] { arguments_.verb = Verb::config_check; });
        add_json(check);

        CLI::App* plan = add("plan", Verb::plan, "Print what comes next for each host, when at the earliest, and why then", "mxseal plan mx1.example.org");
        add_hosts(plan, "Hosts to plan for; none: all");
        add_json(plan);

        CLI::App* status = add("status", Verb::status, "Print the state of every host and domain", "mxseal status --watch");
        status->add_flag("--watch", arguments_.watch, "Draw anew each second; on a pipe, a line when something changed");
        add_json(status);

        CLI::App* log = add("log", Verb::log, "Print what was done and seen, oldest first", "mxseal log mx1.example.org --follow");
        log->add_option("HOST", arguments_.hosts, "Only entries of this host")->type_name("")->expected(0, 1);
        log->add_flag("--follow", arguments_.follow, "Go on with entries as they come");
        log->add_option("--limit", arguments_.limit, "The newest so many entries (100)")->type_name("N")->check(CLI::Range(std::size_t{1}, agent::kControlLogMax - 1));
        add_json(log);

        CLI::App* timeline = add("timeline", Verb::timeline, "Draw the keys of a host, its TLSA records and how long caches may hold them, what happened and what comes next",
                                 "mxseal timeline mx1.example.org --svg mx1.svg");
        timeline->add_option("HOST", arguments_.hosts, "The host to draw")->type_name("")->expected(0, 1);
        timeline->add_option("--svg", arguments_.svg, "Write the picture to this file, as SVG")->type_name("FILE");
        timeline->add_option("--from", arguments_.from, "Begin then: 2026-11-22T07:00:00Z, or 2h-ago; else with the last roll")->type_name("INSTANT");
        add_json(timeline);
        add_simulate();
    }

    void add_simulate() {
        CLI::App* simulate = add("simulate", Verb::simulate, "Run the configuration for some years in a simulated internet, and show its rolls, waits and what faults do; nothing real is touched",
                                 "mxseal --config try.yaml simulate --years 2 --svg roll.svg");
        simulate->add_option("--years", arguments_.years, "How long, 0.01 to 100 (1)")->type_name("N")->check(CLI::Range(kYearsMin, kYearsMax));
        simulate->add_option("--seed", arguments_.seed, "Another course of events; the same seed gives the same one (1)")->type_name("S")->check(CLI::NonNegativeNumber);
        simulate->add_option("--host", arguments_.hosts, "The host whose roll is drawn and disturbed; else the first one")->type_name("HOST")->expected(1);
        simulate->add_option("--svg", arguments_.svg, "Write the picture of a roll to this file, as SVG")->type_name("FILE");
        CLI::Option* none = simulate->add_flag("--no-faults", none_, "Only the years, in which nothing goes wrong");
        CLI::Option* everywhere = simulate->add_flag("--faults", everywhere_, "Faults strike in the years, too, each kind as often as in the project's own tests");
        CLI::Option* names = simulate->add_option("--fault", arguments_.fault_names, "Try this kind of fault alone; may be repeated")->type_name("NAME")->allow_extra_args(false);
        none->excludes(everywhere)->excludes(names);
        simulate->final_callback([this] {
            arguments_.verb = Verb::simulate;
            if (none_) arguments_.faults = SimulatedFaults::none;
            if (everywhere_) arguments_.faults = SimulatedFaults::everywhere;
        });
        add_json(simulate);
    }

    void add_doing() {
        CLI::App* apply = add("apply", Verb::apply, "Do what is due now, without an agent, and print what was done and what comes next", "mxseal apply");
        add_json(apply);
        add("agent", Verb::agent, "Run in the foreground until SIGTERM; SIGHUP reads the configuration again", "mxseal --config /etc/mxseal/mxseal.yaml agent");
        CLI::App* serve = add("serve", Verb::serve, "Serve MTA-STS policies from a snapshot until SIGTERM; a new file is taken within a second, or at SIGHUP. No configuration is read",
                              "mxseal serve --snapshot /var/lib/mxseal-serve/snapshot --listen '[::]:443'");
        serve->add_option("--snapshot", arguments_.snapshot, "The packed snapshot that the agent writes, mode 0600")->type_name("FILE")->required();
        serve->add_option("--state-file", arguments_.state_file, "Keep the highest generation that was served there; else in the snapshot's name with .served")->type_name("FILE");
        serve->add_option("--listen", arguments_.listen, "Serve policies there; else on the sockets of systemd, else on [::]:443")->type_name("ADDRESS:PORT");
        serve->add_option("--listen-http", arguments_.listen_http, "Answer http-01 there, and nothing else")->type_name("ADDRESS:PORT");
        serve->add_option("--status", arguments_.status_address, "Say under /status which generation is served, and counts; loopback only")->type_name("ADDRESS:PORT");
        serve->add_option("--threads", arguments_.threads, "Threads; else one for each processor")->type_name("N")->check(CLI::Range(std::size_t{1}, std::size_t{256}));
    }

    void add_changing() {
        CLI::App* roll = add("roll", Verb::roll, "Ask for a change to the standby key; the request is stored, the plan printed", "mxseal roll mx1.example.org --wait");
        add_hosts(roll, "Hosts whose key is retired");
        CLI::Option* emergency = roll->add_flag("--emergency", arguments_.emergency, "The key is compromised: no stagger, no time to roll back");
        roll->add_option("--accept-risk", arguments_.accept_risk, "Go before every cache holds the standby's record; the reason is recorded")->type_name("REASON")->needs(emergency);
        CLI::Option* key = roll->add_option("--key", arguments_.key, "The key to retire, as SPKI SHA-256; else the current one of each algorithm")->type_name("SPKI");
        CLI::Option* back = roll->add_flag("--back", arguments_.back, "Put the old key back, as long as its record stands");
        back->excludes(emergency)->excludes(key);
        roll->add_flag("--wait", arguments_.wait, "Follow until the roll is finished; Ctrl-C leaves it running");
        add_json(roll);

        CLI::App* halt = add("halt", Verb::halt, "Stop every change of a host; renewals with the same key and monitoring go on", "mxseal halt mx1.example.org --why 'moving the machine'");
        add_hosts(halt, "Hosts to halt");
        halt->add_flag("--all", arguments_.all, "All hosts");
        halt->add_option("--why", arguments_.why, "Why, for the log and for status")->type_name("TEXT");
        add_json(halt);

        CLI::App* resume = add("resume", Verb::resume, "Let halted hosts go on", "mxseal resume mx1.example.org");
        add_hosts(resume, "Hosts to resume");
        resume->add_flag("--all", arguments_.all, "All hosts");
        add_json(resume);
    }

    CLI::App* add_to(CLI::App* group, const std::string& name, Verb verb, const std::string& what, const std::string& example) {
        CLI::App* command = group->add_subcommand(name, what);
        command->footer("Example: " + example);
        command->final_callback([this, verb] { arguments_.verb = verb; });
        add_json(command);
        return command;
    }

    void add_mx() {
        CLI::App* mx = app_.add_subcommand("mx", "Change the MX hosts of a domain in an order that no sender trips over");
        mx->require_subcommand(1);
        mx->footer("Example: mxseal mx add example.org mx3.example.org");
        const auto change = [&](const char* name, Verb verb, const char* what, const char* example) {
            CLI::App* one = add_to(mx, name, verb, what, example);
            one->add_option("DOMAIN", arguments_.mx_domain, "Mail domain")->type_name("")->required();
            one->add_option("HOST", arguments_.mx_hosts, "MX hosts")->type_name("")->required();
        };
        change("add", Verb::mx_add, "Hosts enter the MX RRset once their records, certificates and the policy are ready for them", "mxseal mx add example.org mx3.example.org");
        change("remove", Verb::mx_remove, "Hosts leave the MX RRset, then the policy", "mxseal mx remove example.org mx1.example.org");
        change("replace", Verb::mx_replace, "These hosts and no others in the end", "mxseal mx replace example.org mx3.example.org mx4.example.org");
    }

    void add_hook() {
        CLI::App* hook = app_.add_subcommand("hook", "Let an ACME client bring certificates: what its renewal hook calls (docs/manual/hooks.md)");
        hook->require_subcommand(1);
        hook->footer("A pair is checked and taken; what is served changes when every cache holds the TLSA of its key.\nExit codes: 0 taken, known already or about other names; 1 refused, with the reason.\nExample: mxseal hook certbot");
        const auto client = [&](const char* name, const char* what, const char* example) {
            CLI::App* one = hook->add_subcommand(name, what);
            one->footer(std::string("Example: ") + example);
            one->fallthrough(false)->prefix_command();
            one->final_callback([this, one, name] {
                arguments_.verb = Verb::hook;
                arguments_.hook.verb = HookVerb::client;
                arguments_.hook.client = name;
                arguments_.hook.words = one->remaining();
            });
        };
        client("certbot", "certbot's deploy hook: takes the lineage in $RENEWED_LINEAGE", "certbot renew --deploy-hook 'mxseal hook certbot'");
        client("lego", "lego's --run-hook and --renew-hook: takes $LEGO_CERT_PATH and $LEGO_CERT_KEY_PATH", "lego .. renew --renew-hook 'mxseal hook lego'");
        client("dehydrated", "dehydrated's hook: takes the pair of deploy_cert; other operations end well and do nothing", "mxseal hook dehydrated deploy_cert DOMAIN KEYFILE CERTFILE FULLCHAINFILE CHAINFILE TIMESTAMP");
        client("acme.sh", "acme.sh's --renew-hook and --reloadcmd: takes $CERT_FULLCHAIN_PATH and $CERT_KEY_PATH", "acme.sh --issue .. --renew-hook 'mxseal hook acme.sh'");
        client("uacme", "After `uacme issue NAME`: takes the pair of NAME", "uacme issue mx1.example.org && mxseal hook uacme mx1.example.org");
        CLI::App* files = hook->add_subcommand("files", "Any other client: takes the files that are named");
        files->footer("Example: mxseal hook files --key privkey.pem --chain fullchain.pem");
        files->add_option("--key", arguments_.hook.key, "The private key, PEM; absent where the certificate is for a key that mxseal handed out")->type_name("FILE");
        files->add_option("--chain", arguments_.hook.chain, "The certificate and its issuers, PEM, leaf first")->type_name("FILE")->required();
        files->final_callback([this] {
            arguments_.verb = Verb::hook;
            arguments_.hook.verb = HookVerb::files;
        });
        add_prepare(hook);
        add_install(hook);
    }

    void add_init() {
        CLI::App* init = app_.add_subcommand("init", "Write a first configuration from the certificates that an ACME client keeps");
        init->footer("Example: mxseal init --from certbot /etc/mxseal/mxseal.yaml");
        init->add_option("--from", arguments_.init_from, "certbot, lego or dehydrated")->type_name("CLIENT")->required();
        init->add_option("--root", arguments_.hook.root, "Look at the file system under DIR")->type_name("DIR");
        init->add_option("FILE", arguments_.init_file, "The file to make, never over one that is there; none: print")->type_name("");
        init->final_callback([this] { arguments_.verb = Verb::init; });
    }

    void add_prepare(CLI::App* hook) {
        CLI::App* prepare = hook->add_subcommand("prepare", "Lay out the key that the next certificate should be for, and its signing request (`external: {keys: mxseal}`)");
        prepare->footer("Prints the folder, which holds key.pem and csr.pem. With a CLIENT the key is laid into that client's folder, too, in place of its own.\n"
                        "Example: mxseal hook prepare mx1.example.org; mxseal hook prepare certbot mx1.example.org");
        prepare->add_option("WORDS", arguments_.hook.words, "[CLIENT] HOST")->type_name("")->required()->expected(1, 2);
        prepare->add_option("--folder", arguments_.hook.folder, "The client's folder, where it is not its usual one")->type_name("DIR");
        prepare->final_callback([this] {
            arguments_.verb = Verb::hook;
            arguments_.hook.verb = HookVerb::prepare;
            arguments_.hook.host = arguments_.hook.words.back();
            if (arguments_.hook.words.size() == 2) arguments_.hook.client = arguments_.hook.words.front();
        });
    }

    void add_install(CLI::App* hook) {
        CLI::App* install = hook->add_subcommand("install", "Write the hook of a client, or print the line where it keeps none in files");
        install->footer("Example: mxseal hook install certbot");
        install->add_flag("--print", arguments_.hook.print, "Show what would be written, and where; write nothing");
        CLI::App* remove = hook->add_subcommand("remove", "Take out what `hook install` wrote, and nothing else");
        remove->footer("Example: mxseal hook remove certbot");
        for (const auto& [command, verb] : {std::pair(install, HookVerb::install), std::pair(remove, HookVerb::remove)}) {
            command->add_option("CLIENT", arguments_.hook.client, "certbot, lego, dehydrated, acme.sh or uacme")->type_name("")->required();
            command->add_option("--root", arguments_.hook.root, "Work on the file system under DIR")->type_name("DIR");
            command->final_callback([this, verb = verb] {
                arguments_.verb = Verb::hook;
                arguments_.hook.verb = verb;
            });
        }
    }

    void add_domain() {
        CLI::App* domain = app_.add_subcommand("domain", "Change and show the list of mail domains, by the thousand");
        domain->require_subcommand(1);
        domain->footer("Example: mxseal domain list");
        CLI::App* more = add_to(domain, "add", Verb::domain_add, "Add domains, or give them another profile; all or none", "mxseal domain add example.org example.net --profile strict");
        more->add_option("NAME", arguments_.domains, "Mail domains")->type_name("")->required();
        more->add_option("--profile", arguments_.profile, "A name in `profiles`; else, for new ones, default")->type_name("P");
        CLI::App* less = add_to(domain, "remove", Verb::domain_remove, "Remove domains that were added; all or none", "mxseal domain remove example.net");
        less->add_option("NAME", arguments_.domains, "Mail domains")->type_name("")->required();
        CLI::App* import = add_to(domain, "import", Verb::domain_import, "Add the domains of a file, one a line: NAME [PROFILE]; # begins a comment; a mistake anywhere and none is added",
                                  "mxseal domain import customers.txt");
        import->add_option("FILE", arguments_.import_file, "The file; - is standard input")->type_name("")->required();
        CLI::App* list = add_to(domain, "list", Verb::domain_list, "Print the domains of the configuration and of the store", "mxseal domain list --profile strict");
        list->add_option("--profile", arguments_.profile, "Only those with this profile")->type_name("P");
    }

    Arguments& arguments_;
    bool none_ = false, everywhere_ = false; // of simulate
    CLI::App app_;
};

// What CLI11 does not check. Empty: fine.
std::string mistake_in(Arguments& arguments) {
    const bool changes = arguments.verb == Verb::halt || arguments.verb == Verb::resume;
    if (arguments.verb == Verb::roll && arguments.hosts.empty()) return "roll wants at least one HOST; see `mxseal status` for their names";
    if (arguments.verb == Verb::timeline && arguments.hosts.empty()) return "timeline wants a HOST; see `mxseal status` for their names";
    if (arguments.verb == Verb::serve && arguments.snapshot.empty()) return "--snapshot wants the name of a file";
    if (arguments.state_file && arguments.state_file->empty()) return "--state-file wants the name of a file";
    if (arguments.svg && arguments.svg->empty()) return "--svg wants the name of a file";
    if (arguments.svg && arguments.json) return "--svg and --json exclude each other";
    if (changes && arguments.hosts.empty() && !arguments.all) return "name the hosts, or say --all";
    if (changes && !arguments.hosts.empty() && arguments.all) return "--all and names of hosts exclude each other";
    if (arguments.accept_risk && arguments.accept_risk->empty()) return "--accept-risk wants a reason, for it is recorded";
    if (arguments.accept_risk.value_or("").size() > kReasonMax || arguments.why.size() > kReasonMax) return fmt::format("a reason has at most {} characters", kReasonMax);
    if (arguments.key) {
        auto bytes = from_hex(*arguments.key);
        if (!bytes || bytes->size() != 32) return "--key wants the 64 hexadecimal digits of a key's SPKI SHA-256; `mxseal status --json` prints them";
        arguments.key = to_hex(*bytes);
    }
    return {};
}

Parsed usage(const std::string& text) { return {std::nullopt, "mxseal: " + printable(text, Lines::keep) + "\n`mxseal --help` lists the commands.\n", kExitUsage}; }

} // namespace

Parsed parse_arguments(std::vector<std::string> words, const std::string& version) {
    Arguments arguments;
    Grammar grammar(arguments, version);
    std::reverse(words.begin(), words.end()); // CLI11 takes the last word first
    try {
        grammar.app().parse(words);
    } catch (const CLI::Success& success) {
        std::ostringstream out, err;
        grammar.app().exit(success, out, err);
        return {std::nullopt, out.str(), kExitDone};
    } catch (const CLI::RequiredError& error) {
        const auto unknown = grammar.app().remaining(true);
        return usage(unknown.empty() ? std::string(error.what()) : fmt::format("'{}' is not a command", printable(unknown.front())));
    } catch (const CLI::Error& error) {
        return usage(error.what());
    }
    if (auto mistake = mistake_in(arguments); !mistake.empty()) return usage(mistake);
    return {arguments, {}, kExitDone};
}

} // namespace mxseal::cli
