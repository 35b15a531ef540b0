import PodlingProtocol
import Testing

struct TerminalSafeTests {
    @Test(arguments: [
        ("plain text, ünïcode, 日本語, 👩‍👩‍👧", "plain text, ünïcode, 日本語, 👩‍👩‍👧"),
        ("a\nb\tc\rd", "a\\x0ab\\x09c\\x0dd"),
        ("\u{1B}]0;title\u{07}", "\\x1b]0;title\\x07"),
        ("\u{7F}\u{80}\u{9B}2J", "\\x7f\\x80\\x9b2J"),
        ("\u{202E}gpj.exe\u{2066}\u{200F}\u{061C}", "\\u202egpj.exe\\u2066\\u200f\\u061c"),
        ("\u{2028}\u{2029}", "\\u2028\\u2029"),
    ])
    func cellsAreEscaped(_ text: String, _ expected: String) {
        #expect(TerminalSafeText.escaped(text) == expected)
    }

    @Test(
        arguments: [
            ([Array("a\n\tb\r".utf8)], "a\n\tb\\x0d"),
            ([[0xC3], [0xBC, 0x21]], "ü!"),
            ([[0xE2, 0x80], [0xAE]], "\\u202e"),
            ([[0xF0, 0x9F], [0x98], [0x80]], "😀"),
            ([[0xFF, 0x41, 0xC3, 0x41]], "\\xffA\\xc3A"),
            ([[0xC3]], "\\xc3"),
            ([[0xE2], [0x41]], "\\xe2A"),
            ([[0xED, 0xA0, 0x80]], "\\xed\\xa0\\x80"),
            ([[0x1B], [0x5B, 0x6D]], "\\x1b[m"),
        ] as [([[UInt8]], String)]
    )
    func streamsAreEscapedWhereverTheyAreCut(_ chunks: [[UInt8]], _ expected: String) {
        var stream = TerminalSafeStream()
        let text = chunks.map { stream.append($0) }.joined() + stream.finish()
        #expect(text == expected)
    }
}
