import Dispatch
import Glibc
import Synchronization

/// A recording proxy between peers and a master. Plain text only.
public final class RecordingRelay: Sendable {
    /// Bytes of one side, in the order in which they came.
    public struct Chunk: Sendable {
        /// Of the connection, from 1 on.
        public var connection: Int
        public var isOfPeer: Bool
        public var bytes: [UInt8]
    }

    private struct State {
        var chunks: [Chunk] = []
        var connections = 0
        var isClosed = false
        var holdsUpPeer = false
        var holdsUpMaster = false
    }

    public let port: UInt16
    public var address: String { "127.0.0.1:\(port)" }
    private let listener: Int32
    private let state = Mutex(State())
    private let group = DispatchGroup()

    public init(to masterPort: UInt16) throws {
        (listener, port) = try LineConnection.listen()
        let (state, listener) = (Weak(self), listener)
        DispatchQueue(label: "podling.relay").async(group: group) {
            while true {
                let peer = LineConnection.accept(on: listener)
                guard peer >= 0, let relay = state.value else { break }
                relay.take(peer, masterPort)
            }
            Glibc.close(listener)
        }
    }

    deinit { end() }

    /// Closes all connections, and returns the recorded traffic.
    public func close() -> [Chunk] {
        end()
        _ = group.wait(timeout: .now() + 30)
        return state.withLock { $0.chunks }
    }

    /// From now on what these sides send does not arrive, as where a network loses packets one way; it arrives once that is
    /// over.
    public func holdUp(ofPeer: Bool, ofMaster: Bool) {
        state.withLock { ($0.holdsUpPeer, $0.holdsUpMaster) = (ofPeer, ofMaster) }
    }

    private func end() {
        let wasOpen = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        // Wakes up accept(2), which then closes it.
        if wasOpen { shutdown(listener, Int32(SHUT_RDWR)) }
    }

    private final class Weak: Sendable {
        private let relay: Mutex<Reference>
        private struct Reference { weak var value: RecordingRelay? }
        init(_ relay: RecordingRelay) { self.relay = Mutex(Reference(value: relay)) }
        var value: RecordingRelay? { relay.withLock { $0.value } }
    }

    private func take(_ peer: Int32, _ masterPort: UInt16) {
        let number = state.withLock { state in
            state.connections += 1
            return state.connections
        }
        let this = Weak(self)
        DispatchQueue(label: "podling.relay.connection").async(group: group) {
            defer { Glibc.close(peer) }
            guard let master = try? LineConnection.connected(host: "127.0.0.1", port: masterPort) else { return }
            defer { Glibc.close(master) }
            var isOpen = (peer: true, master: true)
            while isOpen.peer || isOpen.master, let relay = this.value, !relay.isClosed {
                var sockets = [peer, master].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
                let held = relay.state.withLock { ($0.holdsUpPeer, $0.holdsUpMaster) }
                if !isOpen.peer || held.0 { sockets[0].fd = -1 }
                if !isOpen.master || held.1 { sockets[1].fd = -1 }
                guard poll(&sockets, 2, 50) > 0 else { continue }
                if sockets[0].revents != 0 { isOpen.peer = relay.move(number, isOfPeer: true, from: peer, to: master) }
                if sockets[1].revents != 0 {
                    isOpen.master = relay.move(number, isOfPeer: false, from: master, to: peer)
                }
            }
        }
    }

    private var isClosed: Bool { state.withLock { $0.isClosed } }

    /// False at the end of that side, which is forwarded to the other.
    private func move(_ number: Int, isOfPeer: Bool, from source: Int32, to target: Int32) -> Bool {
        let chunkBytes = 64 * 1024
        let bytes = [UInt8](unsafeUninitializedCapacity: chunkBytes) { buffer, count in
            count = max(0, recv(source, buffer.baseAddress, chunkBytes, 0))
        }
        guard !bytes.isEmpty else {
            shutdown(target, Int32(SHUT_WR))
            return false
        }
        // Recorded before it is passed on: so a reply never precedes its request.
        state.withLock { $0.chunks.append(Chunk(connection: number, isOfPeer: isOfPeer, bytes: bytes)) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return true }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
