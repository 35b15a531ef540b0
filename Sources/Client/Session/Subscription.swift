import NIOCore
import PodlingProtocol
import Synchronization

/// The events of one subscription, to be iterated once. Ending the iteration unsubscribes.
///
/// Back-pressure: a consumer that lags by `unreadEventsMax` events blocks the whole connection, so that memory stays
/// bounded.
public struct Subscription<Element: Sendable>: AsyncSequence, Sendable {
    typealias Producer = NIOThrowingAsyncSequenceProducer<
        Element, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, ReadPause
    >

    /// Buffered events at which reading pauses.
    public static var unreadEventsMax: Int { 128 }

    let events: Producer

    /// The one iterator of these events.
    public func makeAsyncIterator() -> Iterator { Iterator(base: events.makeAsyncIterator()) }

    /// Reads the events; when it is released, the subscription ends.
    public struct Iterator: AsyncIteratorProtocol {
        var base: Producer.AsyncIterator

        /// Waits for the next event; nil after the last.
        ///
        /// - Throws: `ClientError.connectionLost`, `ClientError.badReply`, `CancellationError`.
        public mutating func next() async throws -> Element? { try await base.next() }
    }
}

/// The effect of an event on reading.
enum Delivery {
    case goOn
    /// The consumer lags: wait for it first.
    case pause(ReadPause)
    /// That was the last event.
    case finished
}

/// The receiver of one subscription's events, whatever their type.
protocol EventSink: Sendable {
    var pause: ReadPause { get }
    func deliver(_ event: JSONValue) -> Delivery
    func finish(_ error: any Error)
}

/// Decodes events and yields them to a `Subscription`.
final class SubscriptionSink<Element: Sendable>: EventSink {
    enum Decoded {
        case ignored
        case element(Element)
        case last(Element)
    }

    let pause: ReadPause
    private let source: Subscription<Element>.Producer.Source
    private let decode: @Sendable (JSONValue) throws -> Decoded

    private init(
        _ source: Subscription<Element>.Producer.Source,
        _ pause: ReadPause,
        _ decode: @escaping @Sendable (JSONValue) throws -> Decoded
    ) {
        self.source = source
        self.pause = pause
        self.decode = decode
    }

    static func make(
        decode: @escaping @Sendable (JSONValue) throws -> Decoded
    ) -> (sink: SubscriptionSink, subscription: Subscription<Element>) {
        let pause = ReadPause()
        let made = NIOThrowingAsyncSequenceProducer.makeSequence(
            elementType: Element.self,
            failureType: (any Error).self,
            backPressureStrategy: NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(
                lowWatermark: Subscription<Element>.unreadEventsMax / 4,
                highWatermark: Subscription<Element>.unreadEventsMax
            ),
            finishOnDeinit: true,
            delegate: pause
        )
        return (SubscriptionSink(made.source, pause, decode), Subscription(events: made.sequence))
    }

    func deliver(_ event: JSONValue) -> Delivery {
        do {
            switch try decode(event) {
            case .ignored: return .goOn
            case .element(let element):
                if case .stopProducing = source.yield(element) { return .pause(pause) }
                return .goOn
            case .last(let element):
                _ = source.yield(element)
                source.finish()
                return .finished
            }
        } catch {
            source.finish(error)
            return .finished
        }
    }

    func finish(_ error: any Error) { source.finish(error) }
}

/// Makes the reader of a connection wait for a consumer that lags, and notifies it when the consumer has left.
final class ReadPause: NIOAsyncSequenceProducerDelegate {
    private struct State {
        var hasRoom = false
        var hasEnded = false
        var waiting: CheckedContinuation<Void, Never>?
        var onEnd: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Calls `body` when the consumer leaves, at once where it has left already.
    func onEnd(_ body: @escaping @Sendable () -> Void) {
        let hasEnded = state.withLock { state in
            state.onEnd = body
            return state.hasEnded
        }
        if hasEnded { body() }
    }

    func waitForRoom() async {
        await withCheckedContinuation { continuation in
            let goesOn = state.withLock { state in
                if state.hasRoom || state.hasEnded {
                    state.hasRoom = false
                    return true
                }
                state.waiting = continuation
                return false
            }
            if goesOn { continuation.resume() }
        }
    }

    func produceMore() {
        let waiting = state.withLock { state in
            defer { state.waiting = nil }
            state.hasRoom = state.waiting == nil
            return state.waiting
        }
        waiting?.resume()
    }

    func didTerminate() {
        let (waiting, onEnd) = state.withLock { state in
            state.hasEnded = true
            defer { (state.waiting, state.onEnd) = (nil, nil) }
            return (state.waiting, state.onEnd)
        }
        waiting?.resume()
        onEnd?()
    }
}
