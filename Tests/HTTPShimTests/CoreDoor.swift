import PodlingAccess
import PodlingCore
import PodlingMaster
import Synchronization

/// The real core behind a door, with nothing else of the master: a line is one turn, and nothing is stored.
final class CoreDoor: MasterDoor {
    private struct State: ~Copyable {
        var core: MasterCore
        var effects = Effects()
        var sessionCount: Int = 0
    }

    private let state: Mutex<State>
    private let start = ContinuousClock.now

    let asksForIdentity: Bool

    /// - Parameter tokens: nil asks nobody.
    init(tokens: TokenTable? = nil) {
        asksForIdentity = tokens != nil
        var configuration = CoreConfiguration(
            server: "podling-master/test",
            epoch: "e1",
            firstTaskID: TaskID(number: 1)
        )
        configuration.isAuthenticated = tokens != nil
        configuration.tokens = tokens ?? TokenTable()
        let now = Tick(wall: 1_795_473_067_000, monotonic: 0)
        state = Mutex(State(core: MasterCore(configuration: configuration, now: now)))
    }

    private var now: Tick {
        let passed = (ContinuousClock.now - start).components
        let milliseconds = passed.seconds * 1000 + passed.attoseconds / 1_000_000_000_000_000
        return Tick(wall: 1_795_473_067_000 + milliseconds, monotonic: milliseconds)
    }

    func setTokens(_ tokens: TokenTable) {
        let now = self.now
        state.withLock { state in
            state.core.setTokens(tokens, now: now, into: &state.effects)
            state.effects.removeAll()
        }
    }

    func open(_ peer: DoorPeer) async throws -> any DoorSession {
        let now = self.now
        let id = state.withLock { state in
            state.sessionCount += 1
            let id = SessionID(slot: state.sessionCount, generation: 1)
            state.core.sessionOpened(id, peer: peer.name, now: now, into: &state.effects)
            state.effects.removeAll()
            return id
        }
        return CoreSession(door: self, id: id)
    }

    fileprivate func request(_ line: [UInt8], _ id: SessionID) throws -> [UInt8] {
        let now = self.now
        let lines: [UInt8] = state.withLock { state in
            line.withUnsafeBytes { state.core.lineReceived($0, from: id, now: now, into: &state.effects) }
            state.core.endTurn(into: &state.effects)
            state.core.dropChanges()
            var lines: [UInt8] = []
            for frame in state.effects.frames where frame.session == id {
                state.effects.withBytes(of: frame) { lines.append(contentsOf: $0) }
            }
            state.effects.removeAll()
            return lines
        }
        let reply = lines.split(separator: UInt8(ascii: "\n")).first { $0.starts(with: Array("{\"re\":".utf8)) }
        guard let reply else { throw DoorClosed() }
        return Array(reply)
    }

    fileprivate func close(_ id: SessionID) {
        let now = self.now
        state.withLock { state in
            state.core.sessionClosed(id, now: now, into: &state.effects)
            state.core.endTurn(into: &state.effects)
            state.core.dropChanges()
            state.effects.removeAll()
        }
    }
}

private struct CoreSession: DoorSession {
    let door: CoreDoor
    let id: SessionID

    func request(_ line: [UInt8]) async throws -> [UInt8] { try door.request(line, id) }

    func close() { door.close(id) }
}
