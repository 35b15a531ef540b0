import ArgumentParser

/// Options that users of docker type from habit and that no task can have: each is refused with what to do instead.
struct RefusedOptions: ParsableArguments {
    @Flag(name: [.customShort("i"), .customLong("interactive")])
    var isInteractive = false

    @Flag(name: [.customShort("t"), .customLong("tty")])
    var hasTerminal = false

    @Flag(name: .customLong("rm"))
    var isRemoved = false

    /// - Throws: `ValidationError`.
    func check() throws {
        if isInteractive || hasTerminal {
            throw ValidationError("-i, -t: a task has no standard input and no terminal; leave them out")
        }
        if isRemoved {
            throw ValidationError("--rm: a node removes ended containers by itself (--keep-finished); leave it out")
        }
    }
}
