import DequeModule
import PodlingCore
import PodlingProtocol

/// A client: submits, asks, cancels, watches and waits; sends nonsense now and then; asks again what was not answered.
final class ClientProcess: Process, SocketOwner {
    enum Wish {
        case submit(Ledger.Submission)
        case submitMany([Ledger.Submission])
        case cancel(String)
        case get(String)
        case wait(String)
        case other
    }

    private static let liveTasksMax = 60
    private static let pendingMax = 40

    var socket: Socket?
    private var reader = JSONReader()
    private var decoder = LineDecoder(lineBytesMax: Limits.lineBytesMax)
    private var leader: String?
    private var hasGreeting = false
    private var nextID = 0
    var order = ReplyOrder()
    private var wishes: [Int: Wish] = [:]
    /// What was submitted without an answer, to be submitted again with the same key.
    private var unanswered: [Ledger.Submission] = []
    var known: [String] = []
    private var subscriptions: [Int] = []
    /// Whether it has closed its sending side.
    private var isDone = false

    var isAtRest: Bool { unanswered.isEmpty && order.isEmpty }

    override func started() { connectSoon() }

    override func ended() {
        socket = nil
        disconnected()
    }

    // MARK: The connection

    private func connectSoon() { after(random.inside(20_000...400_000)) { [self] in connect() } }

    private func connect() {
        guard socket == nil else { return }
        let masters = world.cluster.masters
        let target = leader.flatMap { name in masters.first { $0.address == name } } ?? random.pick(masters)
        leader = nil
        world.cluster.network.connect(self, to: target) { [self] made in
            after(0) { [self] in
                guard let made, made.isOpen else { return connectSoon() }
                decoder = LineDecoder(lineBytesMax: Limits.lineBytesMax)
                hasGreeting = false
                isDone = false
                socket = made
                made.owner = self
                made.isReading = true
            }
        }
    }

    private func disconnected() {
        for id in order.ids {
            switch wishes[id] {
            case .submit(let submission): unanswered.append(submission)
            case .submitMany(let many): unanswered += many
            default: break
            }
        }
        order = ReplyOrder()
        wishes = [:]
        subscriptions = []
    }

    func closed(_ socket: Socket) {
        guard socket === self.socket else { return }
        self.socket = nil
        disconnected()
        if isUp { connectSoon() }
    }

    func inputClosed(on socket: Socket) { socket.reset() }
    func wrote(on socket: Socket) {}

    // MARK: Asking

    func send(_ text: String) {
        var bytes = Array(text.utf8)
        bytes.append(0x0A)
        socket?.send(bytes)
    }

    func request(_ members: String, _ wish: Wish = .other) {
        nextID += 1
        order.asked(nextID)
        wishes[nextID] = wish
        send("{\"op\":\(members),\"id\":\(nextID)}")
    }

    private func act() {
        guard let socket, socket.isOpen, hasGreeting, !isDone else { return }
        let number = socket.number
        let isBusy = world.isFaulty
        after(isBusy ? random.inside(1_000...80_000) : random.inside(100_000...900_000)) { [self] in
            if self.socket?.number == number { act() }
        }
        guard order.count < Self.pendingMax else { return }
        if let again = unanswered.popLast() {
            world.used("submitted again")
            return request("\"submit\",\(again.spec)", .submit(again))
        }
        guard isBusy else { return rest() }
        choose()
    }

    /// What is left to do once faults have stopped.
    private func rest() {
        for node in world.cluster.workers.map(\.node) where random.once(in: 4) {
            request("\"drain\",\"nodeId\":\"\(node)\",\"on\":false")
        }
    }

    private func choose() {
        let task = known.isEmpty ? nil : known[known.count - 1 - random.below(min(known.count, 400))]
        switch random.below(100) {
        case 0..<32: submit()
        case 32..<36: submitMany()
        case 36..<50: if let task { request("\"get\",\"taskId\":\"\(task)\"", .get(task)) }
        case 50..<55: list()
        case 55..<63: if let task { request("\"cancel\",\"taskId\":\"\(task)\"", .cancel(task)) }
        case 63..<70: if let task { request("\"wait\",\"taskId\":\"\(task)\"", .wait(task)) }
        case 70..<73: if let task { request("\"watch\",\"taskId\":\"\(task)\"") }
        case 73: request("\"watch\"")
        case 74..<77: if let sub = subscriptions.popLast() { request("\"unsubscribe\",\"sub\":\(sub)") }
        case 77..<81: if let task { request("\"logs\",\"taskId\":\"\(task)\",\"follow\":\(random.once(in: 2))") }
        case 81..<83: request("\"nodes\"")
        case 83..<85: request("\"ping\"")
        case 85..<87:
            let node = random.pick(world.cluster.workers).node
            request("\"drain\",\"nodeId\":\"\(node)\",\"on\":\(random.once(in: 3))")
        case 87..<91: misbehave()
        case 91: halfClose()
        case 92: readSlowly()
        default: break
        }
    }

    private func submit() {
        guard world.cluster.database.liveCount < Self.liveTasksMax else { return }
        let submission = world.cluster.ledger.make(&random, nodes: world.cluster.workers.map(\.node))
        world.used("submit")
        request("\"submit\",\(submission.spec)", .submit(submission))
    }

    private func submitMany() {
        guard world.cluster.database.liveCount < Self.liveTasksMax else { return }
        let nodes = world.cluster.workers.map(\.node)
        let many = (0..<2 + random.below(6)).map { _ in world.cluster.ledger.make(&random, nodes: nodes) }
        world.used("submit_many")
        let specs = many.map { "{\($0.spec)}" }.joined(separator: ",")
        request("\"submit_many\",\"tasks\":[\(specs)]", .submitMany(many))
    }

    private func list() {
        let status = random.pick(["", ",\"status\":\"pending\"", ",\"status\":[\"running\",\"completed\"]"])
        let order = random.once(in: 2) ? ",\"order\":\"desc\"" : ""
        let all = random.once(in: 3) ? ",\"ended\":true" : ""
        request("\"list\",\"limit\":\(1 + random.below(30))\(status)\(order)\(all)")
    }

    private func halfClose() {
        guard let socket, world.strikes(.halfClose, onceIn: 4, &random) else { return }
        isDone = true
        socket.endOutput()
        // With a subscription left, the master keeps the connection.
        after(10_000_000) { if socket.isOpen { socket.reset() } }
    }

    private func readSlowly() {
        guard let socket, world.strikes(.slowReader, onceIn: 2, &random) else { return }
        socket.isReading = false
        after(random.inside(200_000...20_000_000)) { socket.isReading = true }
    }

    private func misbehave() {
        guard world.strikes(.hostileLine, onceIn: 2, &random) else { return }
        socket?.send(HostileLines.next(&random, task: known.last ?? "t0"))
    }

    // MARK: Answers

    func received(_ bytes: [UInt8], on socket: Socket) {
        guard socket === self.socket else { return }
        var lines: [[UInt8]] = []
        _ = bytes.withUnsafeBytes { bytes in
            decoder.process(bytes) { line in
                lines.append([UInt8](line))
                return true
            }
        }
        for line in lines where isUp && socket === self.socket { take(line) }
    }

    private func take(_ line: [UInt8]) {
        line.withUnsafeBytes { bytes in
            guard let root = try? reader.parse(bytes).root else {
                return world.fail("lines", "\(name) cannot read \(String(decoding: line, as: UTF8.self))")
            }
            if let event = root["ev"] { return heard(event, root) }
            guard let id = root["re"]?.int() else { return }
            if let fault = order.answered(id) { world.fail("replies in order", "\(name): \(fault)") }
            guard let wish = wishes.removeValue(forKey: id) else { return }
            answered(wish, root)
        }
    }

    private func heard(_ event: JSONValue, _ root: JSONValue) {
        if event.stringEquals("hello") {
            guard root["standby"]?.bool() == true else { return greet() }
            leader = root["leader"]?.string()
            // Some stay with the standby for reads.
            if leader != nil || !random.once(in: 4) { return socket?.reset() ?? () }
            greet()
        } else if event.stringEquals("done") {
            world.used("told of an end")
        } else if event.stringEquals("drain") {
            after(random.inside(1_000...500_000)) { [self, number = socket?.number] in
                if socket?.number == number { socket?.reset() }
            }
        }
    }

    private func greet() {
        hasGreeting = true
        if !random.once(in: 5) { request("\"hello\",\"proto\":1,\"role\":\"client\"") }
        act()
    }

    private func answered(_ wish: Wish, _ root: JSONValue) {
        let checkers = world.cluster.checkers
        guard let body = root["ok"] else { return refused(wish, root["err"]) }
        if let sub = body["sub"]?.int() { subscriptions.append(sub) }
        switch wish {
        case .submit(let submission):
            guard let id = body["taskId"]?.string() else { return }
            if root["duplicate"] != nil { world.used("duplicate submit") }
            know(id)
            world.trace("\(name) hears of \(id), \(submission.name), from \(socket?.peerProcess?.name ?? "")")
            checkers.acknowledged.submitted(submission, id)
        case .submitMany(let many):
            let ids = body["taskIds"]?.elements.compactMap { $0.string() } ?? []
            for (submission, id) in zip(many, ids) {
                know(id)
                checkers.acknowledged.submitted(submission, id)
            }
        case .cancel(let id):
            world.used("cancel")
            checkers.acknowledged.cancelled(id)
        case .get, .wait, .other: break
        }
    }

    private func know(_ id: String) {
        known.append(id)
        if known.count > 1_000 { known.removeFirst(500) }
    }

    private func refused(_ wish: Wish, _ error: JSONValue?) {
        let code = error?["code"]?.string() ?? ""
        world.used("refused: \(code)")
        if code == "not_leader" {
            leader = error?["leader"]?.string()
            socket?.reset()
        }
        guard error?["retryable"]?.bool() == true || code == "not_leader" else { return }
        switch wish {
        case .submit(let submission): unanswered.append(submission)
        case .submitMany(let many): unanswered += many
        default: break
        }
    }
}
