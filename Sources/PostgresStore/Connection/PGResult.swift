import CLibpq

/// The result of a statement, in text format.
final class PGResult {
    /// Fields of an error (manual, PQresultErrorField; the codes are macros of libpq).
    enum ErrorField: Int32 {
        case severity = 86
        case sqlState = 67
        case message = 77
    }

    private let handle: OpaquePointer
    let rowCount: Int

    init(_ handle: OpaquePointer) {
        self.handle = handle
        rowCount = Int(PQntuples(handle))
    }

    deinit { PQclear(handle) }

    /// nil is NULL.
    func bytes(_ row: Int, _ column: Int) -> [UInt8]? {
        let (row, column) = (Int32(row), Int32(column))
        guard PQgetisnull(handle, row, column) == 0, let start = PQgetvalue(handle, row, column) else { return nil }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(handle, row, column))))
    }

    func text(_ row: Int, _ column: Int) -> String? { bytes(row, column).map { String(decoding: $0, as: UTF8.self) } }

    func int(_ row: Int, _ column: Int) -> Int? { text(row, column).flatMap { Int($0) } }

    func flag(_ row: Int, _ column: Int) -> Bool { text(row, column) == "t" }

    func errorField(_ field: ErrorField) -> String? {
        PQresultErrorField(handle, field.rawValue).map { String(cString: $0) }
    }
}
