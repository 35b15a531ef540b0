import ArgumentParser

/// The options that define a task spec.
struct SpecOptions: ParsableArguments {
    @Option(name: .long, help: "The task's name. Default: made of the image's name.")
    var name: String?

    @Option(
        name: .long,
        help: ArgumentHelp("What to run instead of the image's entry point; \"\" clears it.", valueName: "program")
    )
    var entrypoint: String?

    @Option(
        name: [.short, .customLong("env")],
        help: ArgumentHelp("An environment variable; NAME alone takes its value from here.", valueName: "name=value")
    )
    var environment: [String] = []

    @Option(
        name: .customLong("env-file"),
        help: ArgumentHelp("A file of such variables, one a line; -e goes before it.", valueName: "file"),
        completion: .file()
    )
    var environmentFiles: [String] = []

    @Option(
        name: [.short, .customLong("port")],
        help: ArgumentHelp("A port to publish.", valueName: "[host:]container[/udp]")
    )
    var ports: [String] = []

    @Option(name: .long, help: "The most cpu it may use, in cores: 0.5, 500m.")
    var cpu: String?

    @Option(name: .long, help: "The most memory it may use: 64Mi, 1G, or bytes.")
    var memory: String?

    @Option(
        name: .customLong("label"),
        help: ArgumentHelp("A label of the task.", valueName: "name=value")
    )
    var labels: [String] = []

    @Option(
        name: .customLong("node-selector"),
        help: ArgumentHelp("A label that the node must have.", valueName: "name=value")
    )
    var nodeSelectors: [String] = []

    @Option(name: .long, help: "-1000 to 1000; higher is placed first.")
    var priority: Int?

    @Option(name: .long, help: ArgumentHelp("How long an attempt may run.", valueName: "seconds"))
    var timeout: Int?

    @Option(name: .customLong("max-attempts"), help: "How many attempts may be lost with their nodes.")
    var maxAttempts: Int?

    @Option(
        name: .customLong("on-node-lost"),
        help: "What happens when its node is lost: requeue, fail or keep.",
        completion: .list(["requeue", "fail", "keep"])
    )
    var onNodeLost: String?

    @Option(name: .long, help: ArgumentHelp("The working directory, an absolute path.", valueName: "path"))
    var workdir: String?

    @Option(
        name: .long,
        help: "When the image is pulled: missing, always or never.",
        completion: .list(["missing", "always", "never"])
    )
    var pull: String?

    @Option(name: .long, help: ArgumentHelp("Between SIGTERM and SIGKILL.", valueName: "seconds"))
    var grace: Int?

    @Option(name: .customLong("idempotency-key"), help: "The same key with the same task gives the first task again.")
    var idempotencyKey: String?
}
