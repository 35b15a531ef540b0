import PodlingCore

/// Something that is killed, paused and restarted: a master, a worker, a client.
class Process {
    let world: World
    let name: String
    /// Where it runs, as the network counts.
    let host: Int
    var random: SplitMix64
    private(set) var incarnation = 0
    private(set) var isUp = false
    /// Microseconds at which a pause ends.
    private var pausedUntil: Int64 = 0
    private var deferred: [() -> Void] = []
    private var wallOffset: Int64 = 0
    private var monotonicOffset: Int64
    var sockets: [ObjectIdentifier: Socket] = [:]

    init(_ world: World, _ name: String, host: Int) {
        self.world = world
        self.name = name
        self.host = host
        random = world.split()
        monotonicOffset = random.inside(1_000...1_000_000)
    }

    // MARK: Time

    /// The time by its own clocks.
    var tick: Tick {
        Tick(wall: World.wallStart + world.now / 1_000 + wallOffset, monotonic: monotonic)
    }

    var monotonic: Int64 { world.now / 1_000 + monotonicOffset }

    func stepClock(milliseconds: Int64) { wallOffset = milliseconds }

    var isPaused: Bool { pausedUntil > world.now }

    /// Stands still, as by SIGSTOP; what comes meanwhile is handled afterwards.
    func pause(milliseconds: Int64) {
        guard isUp, !isPaused else { return }
        pausedUntil = world.now + milliseconds * 1_000
        let number = incarnation
        world.after(milliseconds * 1_000) { [self] in
            guard incarnation == number else { return }
            let bodies = deferred
            deferred = []
            for body in bodies where incarnation == number { body() }
        }
    }

    /// Plans an event of this incarnation.
    func after(_ microseconds: Int64, _ body: @escaping () -> Void) {
        let number = incarnation
        world.after(microseconds) { [self] in enter(number, body) }
    }

    private func enter(_ number: Int, _ body: @escaping () -> Void) {
        guard incarnation == number, isUp else { return }
        if isPaused { deferred.append(body) } else { body() }
    }

    // MARK: Life

    func begin() {
        guard !isUp else { return }
        incarnation += 1
        isUp = true
        pausedUntil = 0
        world.trace("\(name) begins")
        started()
    }

    /// Ends it at once, as by SIGKILL: its peers learn of it by a reset.
    func kill() {
        guard isUp else { return }
        world.trace("\(name) is gone")
        isUp = false
        incarnation += 1
        deferred = []
        pausedUntil = 0
        for socket in sockets.values.sorted(by: { $0.number < $1.number }) { socket.abandon() }
        sockets = [:]
        ended()
    }

    func started() {}
    func ended() {}
    /// A peer connects; false where nobody listens.
    func accept(_ socket: Socket) -> Bool { false }
}
