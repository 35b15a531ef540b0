import PodlingProtocol

/// The reading side of one connection as a pure value: splits its input into lines, decides when they are executed,
/// buffers what arrives meanwhile, and enforces the deadlines of its peer.
///
/// It cannot be entered twice: input that arrives while a line is executed is buffered, and to resume is an output
/// (`Step`) that the event loop carries out from its run queue, never a nested call.
package struct SessionFlow: ~Copyable {
    package enum State: Sendable, Equatable {
        /// Lines are executed as they arrive.
        case reading
        /// Lines are being executed.
        case executing
        /// Lines are buffered until the session is resumed.
        case stopped
        /// The connection is being closed: input is dropped.
        case closed
    }

    /// The reason why the next line must wait.
    package enum Hold: Sendable, Equatable {
        case none
        /// The session's own request waits for an answer of the store.
        case answer
        /// The peer does not read what it was sent.
        case peer
        /// The store is too far behind.
        case store
    }

    /// What the event loop does next for a session that waits.
    package enum Step: Sendable, Equatable {
        /// Nothing: the end of the hold is an event of its own.
        case none
        /// It queues the session, behind those already queued.
        case resume
        /// It queues the session once the store has caught up.
        case pause
    }

    /// How a call of `execute` ended.
    package enum Outcome: Sendable, Equatable {
        /// Every complete line was executed.
        case done
        /// Whoever executes asked to stop; complete lines may be left.
        case more
        case lineTooLong(bytesMax: Int)
        /// The first byte of the connection does not begin a line of this protocol.
        case wrongProtocol(firstByte: UInt8)
    }

    /// The reply to a line, for the session that sent it.
    package struct LineResult: Sendable {
        package var mayContinue: Bool
        /// Whether `hello` was accepted, so that longer lines are.
        package var hasGreeted: Bool

        package init(mayContinue: Bool, hasGreeted: Bool) {
            (self.mayContinue, self.hasGreeted) = (mayContinue, hasGreeted)
        }
    }

    /// Minimum capacity for an incomplete line, whatever other connections hold.
    package static let inputBytesMin = 16 * 1024

    package private(set) var state = State.reading
    /// Whether the peer has closed its sending side.
    package private(set) var isInputClosed = false
    private var decoder = LineDecoder(lineBytesMax: Limits.lineBytesBeforeHelloMax)
    /// Whether the decoder holds input that was not searched for lines yet.
    private var hasKept = false
    /// The first byte that is not white space, until it was checked.
    private var firstByte: UInt8?
    private var isProtocolKnown = false
    private var hasLine = false
    private var isReadWanted = false
    /// Monotonic milliseconds, as all times here.
    private var openedAt: Int64
    private var partialSince: Int64?

    package init(openedAt: Int64) { self.openedAt = openedAt }

    /// Bytes of buffered input.
    package var inputBytes: Int { decoder.partialCount }
    package var isClosed: Bool { state == .closed }

    // MARK: Input

    /// Whether the socket may be read now. If not, `takeWantedRead` says so once it may. A connection that is being
    /// closed is read, and its input dropped: a socket with unread input loses what was sent last (RFC 1122, 4.2.2.13).
    package mutating func mayRead(_ hold: Hold) -> Bool {
        if state == .closed || (state == .reading && hold == .none) { return true }
        isReadWanted = true
        return false
    }

    /// Whether a read that `mayRead` did not allow is due; it is due once.
    package mutating func takeWantedRead(_ hold: Hold) -> Bool {
        guard isReadWanted, state == .reading, hold == .none else { return false }
        isReadWanted = false
        return true
    }

    /// Buffers input that cannot be executed now.
    package mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        guard state != .closed else { return }
        lookAtFirstByte(bytes)
        decoder.keep(bytes)
        hasKept = true
        guard state == .reading else { return }
        state = .stopped
        partialSince = nil
    }

    /// Begins to execute lines, until `finish`.
    ///
    /// - Returns: false if they are being executed already, or the connection is closed.
    package mutating func begin() -> Bool {
        guard state == .reading || state == .stopped else { return false }
        state = .executing
        return true
    }

    /// Executes the buffered lines, then those of `bytes`.
    ///
    /// - Parameter line: executes a line. The session must not be touched from within; what is sent leaves later.
    package mutating func execute(
        _ bytes: UnsafeRawBufferPointer? = nil,
        _ line: (UnsafeRawBufferPointer) -> LineResult
    ) -> Outcome {
        if let bytes { lookAtFirstByte(bytes) }
        if let byte = firstByte {
            firstByte = nil
            guard byte == UInt8(ascii: "{") else { return .wrongProtocol(firstByte: byte) }
        }
        hasKept = false
        var hasExecuted = false
        let result = decoder.process(bytes ?? UnsafeRawBufferPointer(start: nil, count: 0)) { bytes, bytesMax in
            hasExecuted = true
            let result = line(bytes)
            if result.hasGreeted { bytesMax = Limits.lineBytesMax }
            return result.mayContinue
        }
        if hasExecuted {
            hasLine = true
            partialSince = nil
        }
        switch result {
        case .ok: return .done
        case .stopped: return .more
        case .lineTooLong: return .lineTooLong(bytesMax: decoder.lineBytesMax)
        }
    }

    /// Whether lines may be left after `execute`.
    package func hasMore(after outcome: Outcome) -> Bool {
        switch outcome {
        case .done: hasKept && state == .executing
        case .more: state == .executing
        case .lineTooLong, .wrongProtocol: false
        }
    }

    /// Ends what `begin` began.
    ///
    /// - Parameter shareBytes: the bytes of input that this connection may buffer now.
    /// - Returns: the error with which the connection must end; nil where it continues, or where `outcome` says
    ///   enough.
    package mutating func finish(_ outcome: Outcome, shareBytes: Int, now: Int64) -> WireError? {
        guard state == .executing else { return nil }
        state = hasMore(after: outcome) ? .stopped : .reading
        let isPartial = state == .reading && inputBytes > 0 && !isInputClosed
        partialSince = isPartial ? partialSince ?? now : nil
        switch outcome {
        case .lineTooLong(let bytesMax):
            return WireError(.lineTooLong, "a line of more than \(bytesMax) bytes; the connection ends here")
        case .wrongProtocol: return nil
        case .done, .more: break
        }
        // Waiting would not help: only the line's end would free its buffer.
        guard state == .reading, inputBytes > Self.inputBytesMin, inputBytes > shareBytes else { return nil }
        let message = "\(inputBytes) bytes of a line that is not whole: connections together hold too many of those"
        return WireError(.overloaded, message, isFatal: true, retryAfterMilliseconds: 1_000)
    }

    private mutating func lookAtFirstByte(_ bytes: UnsafeRawBufferPointer) {
        guard !isProtocolKnown,
            let first = bytes.first(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D })
        else { return }
        isProtocolKnown = true
        firstByte = first
    }

    // MARK: Waiting and the end

    /// Whether `step` depends on the hold; it is none otherwise.
    package var isWaiting: Bool { state == .stopped || (state == .reading && isReadWanted) }

    /// The next step for a session that has stopped or wants to read.
    package func step(_ hold: Hold) -> Step {
        switch (state, hold) {
        case (.executing, _), (.closed, _), (_, .answer), (_, .peer): .none
        case (.stopped, .store): .pause
        case (.stopped, .none): .resume
        case (.reading, .store): isReadWanted ? .pause : .none
        case (.reading, .none): isReadWanted ? .resume : .none
        }
    }

    package mutating func inputClosed() {
        isInputClosed = true
        partialSince = nil
    }

    package mutating func close() { state = .closed }

    // MARK: Deadlines

    /// Extends the deadlines by the time for which the master itself was stalled.
    package mutating func wasStalled(milliseconds: Int64) {
        openedAt += milliseconds
        partialSince = partialSince.map { $0 + milliseconds }
    }

    /// The error of a deadline that has passed; the connection must end with it. While the master holds back from
    /// reading, a peer cannot finish its line, and has its whole time again afterwards.
    package mutating func overdue(
        _ deadlines: SessionDeadlines,
        hasShownIdentity: Bool,
        hold: Hold,
        now: Int64
    ) -> WireError? {
        guard state != .closed else { return nil }
        let age = now - openedAt
        if !hasLine, age >= deadlines.firstLineSeconds.milliseconds {
            return WireError(.timeout, "no complete line within \(deadlines.firstLineSeconds) s")
        }
        if hold != .none, partialSince != nil { partialSince = now }
        if let partialSince, now - partialSince >= deadlines.partialLineSeconds.milliseconds {
            return WireError(.timeout, "a line was not finished within \(deadlines.partialLineSeconds) s")
        }
        if !hasShownIdentity, age >= deadlines.identitySeconds.milliseconds {
            return WireError(.timeout, "no hello with a token within \(deadlines.identitySeconds) s")
        }
        return nil
    }
}

extension Int {
    fileprivate var milliseconds: Int64 { Int64(self) * 1_000 }
}
