import NIOCore
import Synchronization

/// Collects lines from any thread and writes them from the event loop, with one flush for all that arrived meanwhile.
final class LineOutbox: Sendable {
    private struct State {
        var queued = ByteBuffer()
        var promises: [EventLoopPromise<Void>] = []
        var unsentBytes = 0
        var isFlushScheduled = false
        var isClosing = false
        var closedReason: LineConnectionError?
        var handler: NIOLoopBound<LineHandler>?
    }

    private let channel: any Channel
    private let state = Mutex(State())

    init(channel: any Channel) {
        self.channel = channel
    }

    func bind(_ handler: NIOLoopBound<LineHandler>) {
        state.withLock { $0.handler = handler }
    }

    var closedReason: LineConnectionError? { state.withLock { $0.closedReason } }

    func append(_ line: [UInt8], promise: EventLoopPromise<Void>?) {
        enum Next { case nothing, flush, refuse, overflow }
        let next: Next = state.withLock { state in
            if state.closedReason != nil || state.isClosing { return .refuse }
            let needsLineFeed = line.last != UInt8(ascii: "\n")
            let byteCount = line.count + (needsLineFeed ? 1 : 0)
            guard state.unsentBytes + byteCount <= LineConnection.unsentBytesMax else { return .overflow }
            state.unsentBytes += byteCount
            state.queued.writeBytes(line)
            if needsLineFeed { state.queued.writeInteger(UInt8(ascii: "\n")) }
            if let promise { state.promises.append(promise) }
            guard !state.isFlushScheduled else { return .nothing }
            state.isFlushScheduled = true
            return .flush
        }
        switch next {
        case .nothing: break
        case .flush: channel.eventLoop.execute { self.flush() }
        case .refuse: promise?.fail(ChannelError.alreadyClosed)
        case .overflow:
            endFromHere(.sendOverflow(bytesMax: LineConnection.unsentBytesMax))
            promise?.fail(ChannelError.alreadyClosed)
        }
    }

    func close() {
        let isFirst = state.withLock { state in
            defer { state.isClosing = true }
            return !state.isClosing && state.closedReason == nil
        }
        guard isFirst else { return }
        channel.eventLoop.execute {
            self.flush()
            let deadline = self.channel.eventLoop.scheduleTask(in: .seconds(Int64(LineConnection.closeGraceSeconds))) {
                self.endFromHere(.closedLocally)
            }
            // An empty write completes after all writes before it.
            self.channel.writeAndFlush(ByteBuffer()).whenComplete { _ in
                deadline.cancel()
                self.endFromHere(.closedLocally)
            }
        }
    }

    /// Ends the connection: queued lines are dropped. Called by the handler, once.
    func end(_ reason: LineConnectionError) {
        let promises = state.withLock { state in
            state.closedReason = state.closedReason ?? reason
            state.queued = ByteBuffer()
            state.handler = nil
            defer { state.promises = [] }
            return state.promises
        }
        for promise in promises { promise.fail(ChannelError.alreadyClosed) }
    }

    private func flush() {
        let (bytes, promises) = state.withLock { state in
            state.isFlushScheduled = false
            let taken = (state.queued, state.promises)
            state.queued = ByteBuffer()
            state.promises = []
            return taken
        }
        guard bytes.readableBytes > 0 else { return }
        channel.writeAndFlush(bytes).whenComplete { result in
            self.state.withLock { $0.unsentBytes -= bytes.readableBytes }
            for promise in promises { promise.completeWith(result) }
        }
    }

    private func endFromHere(_ reason: LineConnectionError) {
        guard let handler = state.withLock({ $0.handler }) else { return }
        channel.eventLoop.execute { handler.value.end(reason) }
    }
}
