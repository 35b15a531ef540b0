import Glibc

/// A file of tasks, read in chunks: the output of `export`, or the array that the HTTP interface returns.
final class TaskFile {
    /// One task of the file.
    struct Item {
        var task: [UInt8]
        /// The number of its first line, from 1.
        var line: Int
    }

    /// Size limit of a task.
    static let itemBytesMax = 512 * 1024
    static let chunkBytesDefault = 256 * 1024
    private static let pollMilliseconds: CInt = 200
    private static let lineEnd = UInt8(ascii: "\n")

    private let name: String
    private let descriptor: CInt
    private let start: off_t
    private let chunkBytes: Int
    private var buffer: [UInt8] = []
    private var at = 0
    private var line = 1
    private var isAtEnd = false
    /// nil before the first byte that is not white space.
    private var isArray: Bool?
    private var hasBegun = false
    private let checksum = Checksum()
    private(set) var trailer: ExportTrailer?
    private(set) var count = 0

    /// - Parameter path: `-` is standard input.
    /// - Throws: `Failure`.
    init(_ path: String, chunkBytes: Int = chunkBytesDefault) throws {
        self.chunkBytes = chunkBytes
        name = path == "-" ? "standard input" : path
        descriptor = path == "-" ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(message: "cannot open \(path): \(Self.reason())") }
        start = lseek(descriptor, 0, SEEK_CUR)
    }

    deinit { close(descriptor) }

    /// Whether it is a regular file, which can be read twice.
    var isRegular: Bool {
        var facts = stat()
        return fstat(descriptor, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
    }

    /// Restores the position of a regular file, for another reader: standard input has one position for all.
    func putBack() throws {
        guard lseek(descriptor, start, SEEK_SET) == start else { throw Failure(message: "cannot read \(name) again") }
    }

    /// Reads the next task; nil at the end.
    ///
    /// - Throws: `Failure`, `CancellationError`.
    func next() throws -> Item? {
        if isArray == nil { isArray = try firstByte() == UInt8(ascii: "[") }
        let item = isArray == true ? try nextElement() : try nextLine()
        if item != nil { count += 1 }
        return item
    }

    /// The fault of the file as a whole, once `next` has returned nil; nil where it is complete.
    ///
    /// - Parameter needsTrailer: whether a file of lines without a trailer counts as cut short.
    /// - Throws: `Failure`, where that cannot be determined.
    func fault(needsTrailer: Bool) throws -> String? {
        // The closing bracket of an array proves that it is complete.
        guard isArray != true else { return nil }
        guard let trailer else {
            return needsTrailer ? "\(name) ends without the trailer of an export: it was cut short" : nil
        }
        guard trailer.count == count else {
            return "\(name) has \(count) tasks, and its trailer says \(trailer.count)"
        }
        guard trailer.sha256 == (try checksum.text()) else {
            return "\(name) is damaged: its checksum is not that of its trailer"
        }
        return nil
    }

    // MARK: Lines

    private func nextLine() throws -> Item? {
        while true {
            let start = line
            guard let text = try takeLine() else { return nil }
            let isBlank = text.allSatisfy(Self.isSpace)
            if trailer != nil {
                guard isBlank else { throw failure("there is more after the trailer", line: start) }
                continue
            }
            if text.starts(with: ExportTrailer.prefix) {
                trailer = try ExportTrailer(text)
                continue
            }
            checksum.add(text)
            if !isBlank { return Item(task: text.filter { $0 != Self.lineEnd && $0 != 0x0D }, line: start) }
        }
    }

    /// Takes a line with its end; nil at the end of the file.
    private func takeLine() throws -> [UInt8]? {
        var searched = at
        while true {
            if let end = buffer[searched...].firstIndex(of: Self.lineEnd) {
                defer { at = end + 1 }
                line += 1
                return Array(buffer[at...end])
            }
            searched = buffer.count
            guard buffer.count - at <= Self.itemBytesMax else { throw failure("is longer than any task", line: line) }
            let consumed = at
            guard try fill() else {
                guard at < buffer.count else { return nil }
                defer { at = buffer.count }
                line += 1
                return Array(buffer[at...])
            }
            searched -= consumed
        }
    }

    // MARK: An array

    private func nextElement() throws -> Item? {
        if !hasBegun {
            _ = try take()
            hasBegun = true
        }
        guard var byte = try skipSpace() else { throw cutShort }
        if byte == UInt8(ascii: "]") {
            _ = try take()
            guard try skipSpace() == nil else { throw failure("there is more after the array", line: line) }
            return nil
        }
        if count > 0 {
            guard byte == UInt8(ascii: ",") else { throw failure("expected , or ] after a task", line: line) }
            _ = try take()
            guard let next = try skipSpace() else { throw cutShort }
            byte = next
        }
        guard byte == UInt8(ascii: "{") else { throw failure("expected a task, an object", line: line) }
        return try takeObject()
    }

    private func takeObject() throws -> Item {
        var item = Item(task: [], line: line)
        var depth = 0
        var isInString = false
        var isEscaped = false
        while let byte = try take() {
            // The object must fit one line; a string cannot hold a line end.
            item.task.append(byte == Self.lineEnd || byte == 0x0D ? 0x20 : byte)
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
            } else if byte == UInt8(ascii: "\"") {
                isInString = true
            } else if byte == UInt8(ascii: "{") {
                depth += 1
            } else if byte == UInt8(ascii: "}") {
                depth -= 1
                if depth == 0 { return item }
            }
            guard item.task.count <= Self.itemBytesMax else {
                throw failure("is longer than any task", line: item.line)
            }
        }
        throw cutShort
    }

    // MARK: Bytes

    private func firstByte() throws -> UInt8? {
        // White space before the lines is part of the checksum: it stays.
        var place = at
        while true {
            while place < buffer.count {
                if !Self.isSpace(buffer[place]) {
                    if buffer[place] == UInt8(ascii: "[") { _ = try skipSpace() }
                    return buffer[place]
                }
                place += 1
            }
            guard buffer.count <= Self.itemBytesMax, try fill() else { return nil }
        }
    }

    private func skipSpace() throws -> UInt8? {
        while true {
            guard at < buffer.count else {
                guard try fill() else { return nil }
                continue
            }
            guard Self.isSpace(buffer[at]) else { return buffer[at] }
            _ = try take()
        }
    }

    private func take() throws -> UInt8? {
        guard at < buffer.count else { return try fill() ? try take() : nil }
        let byte = buffer[at]
        at += 1
        if byte == Self.lineEnd { line += 1 }
        return byte
    }

    /// Reads more into the buffer, and drops what was consumed.
    /// - Returns: false at the end of the file.
    private func fill() throws -> Bool {
        if isAtEnd { return false }
        buffer.removeFirst(at)
        at = 0
        try waitForInput()
        let start = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: chunkBytes))
        var got = 0
        repeat {
            got = buffer.withUnsafeMutableBytes { bytes in
                Self.read(descriptor, UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
            }
        } while got < 0 && errno == EINTR
        guard got >= 0 else { throw Failure(message: "cannot read \(name): \(Self.reason())") }
        buffer.removeLast(chunkBytes - got)
        isAtEnd = got == 0
        return got > 0
    }

    /// Waits for a slow writer of a pipe, and notices an interrupt meanwhile.
    private func waitForInput() throws {
        while true {
            try Task.checkCancellation()
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&waiting, 1, Self.pollMilliseconds) != 0 { return }
        }
    }

    private static func read(_ descriptor: CInt, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    private static func reason() -> String { String(cString: strerror(errno)) }

    private func failure(_ what: String, line: Int) -> Failure { Failure(message: "\(name), line \(line): \(what)") }

    private var cutShort: Failure { Failure(message: "\(name) ends within the array: it was cut short") }
}
