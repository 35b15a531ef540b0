import Logging
import Synchronization
import Testing

@testable import PodlingLogging

@Suite struct AgentLoggingTests {
    private final class Lines: Sendable {
        let text = Mutex("")

        func take(_ line: [UInt8], _: Logger.Level) { text.withLock { $0 += String(decoding: line, as: UTF8.self) } }
    }

    private func logged(_ format: LogFormat, _ message: String, _ metadata: Logger.Metadata) -> String {
        let lines = Lines()
        let logger = Logger(label: "l") { LineLogHandler(label: $0, format: format, write: lines.take) }
        logger.info("\(message)", metadata: metadata)
        return lines.text.withLock { $0 }
    }

    @Test(arguments: [
        ("plain", "plain"), ("two\nlines", "two\\nlines"), ("\u{1B}[31mred", "\\u{1b}[31mred"),
        ("\u{202E}x", "\\u{202e}x"),
        ("ä €", "ä €"),
    ])
    func aTextLineStaysOneHarmlessLine(_ message: String, _ shown: String) {
        #expect(logged(.text, message, [:]).hasSuffix(" info l: \(shown)\n"))
    }

    @Test func membersAreSortedAndQuotedWhereTheyMust() {
        let line = logged(.text, "m", ["b": "x y", "a": "1", "c": "say \"hi\"\n"])
        #expect(line.hasSuffix(#" info l: m a=1 b="x y" c="say \"hi\"\n""# + "\n"))
    }

    @Test func aJSONLineIsAnObject() {
        let line = logged(.json, "a \"b\"\n", ["level": "x", "k": "v"])
        #expect(line.hasPrefix(#"{"time":"2"#))
        #expect(line.hasSuffix(#","level":"info","logger":"l","message":"a \"b\"\n","k":"v","level_":"x"}"# + "\n"))
    }
}
