import PodlingCore
import PodlingProtocol

/// Output of a session, what its peer has not read of it, and the end of the connection.
extension SessionShell {
    /// Written bytes after which the socket's unsent output is measured.
    private static let measureBytes = 4 * 1024

    package func deliver(_ lines: UnsafeRawBufferPointer) {
        guard let socket, !flow.isClosed else { return }
        socket.buffer(lines)
    }

    package func flush() {
        guard let socket, socket.bufferedBytes > 0 else { return }
        writtenBytes += socket.bufferedBytes
        socket.flush()
        if writtenBytes >= Self.measureBytes || unreadBytes > 0 || !socket.isWritable { measureUnread() }
    }

    /// Measures the socket's unsent output; where there is any, measures again when it is sent.
    private func measureUnread() {
        guard let socket, socket.isActive, !flow.isClosed else { return }
        writtenBytes = 0
        let left = socket.unsentBytes
        shell.unread.change(from: unreadBytes, to: left)
        unreadBytes = left
        tellBackedUp()
        guard left <= shell.limits.unreadBytesMax else {
            return closeUnread("more than \(shell.limits.unreadBytesMax) bytes unread")
        }
        guard left > 0, !hasMarker, !flow.isClosed else { return }
        hasMarker = true
        socket.mark()
    }

    /// All that was written before `SessionSocket.mark` has left.
    package func passedMarker() {
        hasMarker = false
        measureUnread()
        shell.resumeSoon(self)
    }

    private func tellBackedUp() {
        guard let id, let socket else { return }
        let isNow = !socket.isWritable || isOverShare
        guard isNow != isBackedUp else { return }
        isBackedUp = isNow
        shell.backedUp(id, isNow)
    }

    package func writabilityChanged() {
        tellBackedUp()
        if socket?.isWritable == true { shell.resumeSoon(self) }
    }

    package func closeUnread(_ why: String) {
        guard let socket, !flow.isClosed else { return }
        shell.host.tell(.notRead(bytes: unreadBytes, reason: why))
        flow.close()
        // Otherwise the next eviction would choose this connection again.
        shell.unread.change(from: unreadBytes, to: 0)
        unreadBytes = 0
        socket.close()
    }

    package func close() {
        guard let socket, !flow.isClosed else { return }
        if socket.bufferedBytes > 0 { flush() }
        guard !flow.isClosed else { return }
        flow.close()
        socket.closeAfterFlush(withinSeconds: shell.limits.shutdownSeconds)
    }

    /// Sends a fatal error after pending output, and closes.
    func refuse(_ error: WireError) {
        guard let socket, !flow.isClosed else { return }
        shell.host.tell(.refused(error.code))
        var writer = JSONWriter(capacityBytes: 256)
        error.writeEvent(to: &writer)
        writer.newline()
        if id != nil { shell.endTurn() }
        writer.withUnsafeBytes { deliver($0) }
        close()
        if id == nil { socket.close() }
    }
}
