import FoundationEssentials
import PodlingProtocol
import Testing

/// Files of the public JSON test suite (Nicolas Seriot, "Parsing JSON is a minefield").
enum JSONSuite {
    /// `PODLING_JSON_SUITE`, or `shared/json-test-suite` in a folder above this one.
    static let directory: String? = {
        if let set = ProcessInfo.processInfo.environment["PODLING_JSON_SUITE"] { return set + "/test_parsing" }
        var parts = #filePath.split(separator: "/").dropLast()
        while !parts.isEmpty {
            let candidate = "/" + parts.joined(separator: "/") + "/shared/json-test-suite/test_parsing"
            if FileManager.default.fileExists(atPath: candidate) { return candidate }
            parts.removeLast()
        }
        return nil
    }()

    static func files(_ prefix: String) -> [String] {
        guard let directory, let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
            return []
        }
        return names.filter { $0.hasPrefix(prefix) }.sorted()
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(filePath: #require(directory) + "/" + name)))
    }

    /// The file as the value of a member that no operation knows.
    static func wrapped(_ bytes: [UInt8]) -> [UInt8] { Array(#"{"op":"ping","x":"#.utf8) + bytes + Array("}".utf8) }

    /// RFC 8259 allows these, RFC 7493 section 2.3 does not.
    static let duplicates = ["y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"]
}

@Suite(.enabled(if: JSONSuite.directory != nil, "no JSON test suite: set PODLING_JSON_SUITE to its folder"))
struct JSONSuiteTests {
    @Test func suiteIsWhole() {
        #expect(JSONSuite.files("y_").count >= 95 && JSONSuite.files("n_").count >= 188)
        #expect(JSONSuite.files("i_") == Self.undecided.keys.sorted())
    }

    @Test(arguments: JSONSuite.files("y_"))
    func accepts(_ name: String) throws {
        let bytes = try JSONSuite.bytes(name)
        let isDuplicate = JSONSuite.duplicates.contains(name)
        #expect(refusal(JSONSuite.wrapped(bytes))?.kind == (isDuplicate ? .duplicateMember : nil))
        let isObject = bytes.first { $0 > 0x20 } == UInt8(ascii: "{")
        #expect(refusal(bytes)?.kind == (isObject ? (isDuplicate ? .duplicateMember : nil) : .notAnObject))
    }

    @Test(arguments: JSONSuite.files("n_"))
    func refuses(_ name: String) throws {
        let bytes = try JSONSuite.bytes(name)
        #expect(refusal(bytes) != nil)
        #expect(refusal(JSONSuite.wrapped(bytes)) != nil)
    }

    @Test(arguments: JSONSuite.files("i_"))
    func decides(_ name: String) throws {
        let expected = try #require(Self.undecided[name])
        #expect(try refusal(JSONSuite.wrapped(JSONSuite.bytes(name)))?.kind == expected.kind)
    }

    @Test func wholeTextWithByteOrderMark() throws {
        let error = try refusal(JSONSuite.bytes("i_structure_UTF-8_BOM_empty_object.json"))
        #expect(error == JSONError(kind: .byteOrderMark, offset: 0))
    }

    enum Verdict {
        case accepted
        case refused(JSONError.Kind)

        var kind: JSONError.Kind? {
            switch self {
            case .accepted: nil
            case .refused(let kind): kind
            }
        }
    }

    /// What RFC 8259 leaves open, as RFC 7493 and this project's limits decide it.
    static let undecided: [String: Verdict] = [
        "i_number_double_huge_neg_exp.json": .accepted,
        "i_number_huge_exp.json": .refused(.numberNotFinite),
        "i_number_neg_int_huge_exp.json": .refused(.numberNotFinite),
        "i_number_pos_double_huge_exp.json": .refused(.numberNotFinite),
        "i_number_real_neg_overflow.json": .refused(.numberNotFinite),
        "i_number_real_pos_overflow.json": .refused(.numberNotFinite),
        "i_number_real_underflow.json": .accepted,
        "i_number_too_big_neg_int.json": .refused(.integerOutOfRange),
        "i_number_too_big_pos_int.json": .refused(.integerOutOfRange),
        "i_number_very_big_negative_int.json": .refused(.integerOutOfRange),
        "i_object_key_lone_2nd_surrogate.json": .refused(.loneSurrogate),
        "i_string_1st_surrogate_but_2nd_missing.json": .refused(.loneSurrogate),
        "i_string_1st_valid_surrogate_2nd_invalid.json": .refused(.loneSurrogate),
        "i_string_UTF-16LE_with_BOM.json": .refused(.expectedValue),
        "i_string_UTF-8_invalid_sequence.json": .refused(.notUTF8),
        "i_string_UTF8_surrogate_U+D800.json": .refused(.notUTF8),
        "i_string_incomplete_surrogate_and_escape_valid.json": .refused(.loneSurrogate),
        "i_string_incomplete_surrogate_pair.json": .refused(.loneSurrogate),
        "i_string_incomplete_surrogates_escape_valid.json": .refused(.loneSurrogate),
        "i_string_invalid_lonely_surrogate.json": .refused(.loneSurrogate),
        "i_string_invalid_surrogate.json": .refused(.loneSurrogate),
        "i_string_invalid_utf-8.json": .refused(.notUTF8),
        "i_string_inverted_surrogates_U+1D11E.json": .refused(.loneSurrogate),
        "i_string_iso_latin_1.json": .refused(.notUTF8),
        "i_string_lone_second_surrogate.json": .refused(.loneSurrogate),
        "i_string_lone_utf8_continuation_byte.json": .refused(.notUTF8),
        "i_string_not_in_unicode_range.json": .refused(.notUTF8),
        "i_string_overlong_sequence_2_bytes.json": .refused(.notUTF8),
        "i_string_overlong_sequence_6_bytes.json": .refused(.notUTF8),
        "i_string_overlong_sequence_6_bytes_null.json": .refused(.notUTF8),
        "i_string_truncated-utf-8.json": .refused(.notUTF8),
        "i_string_utf16BE_no_BOM.json": .refused(.expectedValue),
        "i_string_utf16LE_no_BOM.json": .refused(.expectedValue),
        "i_structure_500_nested_arrays.json": .refused(.tooDeep),
        "i_structure_UTF-8_BOM_empty_object.json": .refused(.expectedValue),
    ]
}
