/// The search for duplicate members: byte by byte after unescaping, never Swift's canonical equality.
enum JSONKeys {
    /// Objects up to this many members compare pairs; wider ones are hashed when they close.
    static let pairwiseMax = 16

    /// Compares the newest key of an open object with each before it.
    @inline(never)
    static func checkLast(
        _ base: UnsafeRawPointer,
        _ tape: UnsafeMutablePointer<JSONTapeEntry>,
        container: Int,
        key: Int
    ) throws(JSONFault) {
        var other = container + 1
        while other < key {
            if equal(base, tape[other], tape[key]) { throw JSONFault(.duplicateMember, at: Int(tape[key].start) - 1) }
            other += 1 + Int(tape[other + 1].span)
        }
    }

    /// Checks all members of a closed object in linear time. `Hasher` is seeded for each process, so that a
    /// peer cannot choose names which collide.
    @inline(never)
    static func checkWide(
        _ base: UnsafeRawPointer,
        _ tape: UnsafeMutablePointer<JSONTapeEntry>,
        container: Int,
        memberCount: Int
    ) throws(JSONFault) {
        let past = container + Int(tape[container].span)
        let slotCount = 1 << (Int.bitWidth - (memberCount * 2 - 1).leadingZeroBitCount)
        let duplicate = withUnsafeTemporaryAllocation(of: UInt32.self, capacity: slotCount) { slots -> Int? in
            // The container's own index is never a key's, so it marks a free slot.
            let free = UInt32(truncatingIfNeeded: container)
            slots.initialize(repeating: free)
            var key = container + 1
            while key < past {
                var slot = hash(base, tape[key]) & (slotCount - 1)
                while slots[slot] != free {
                    if equal(base, tape[Int(slots[slot])], tape[key]) { return key }
                    slot = (slot + 1) & (slotCount - 1)
                }
                slots[slot] = UInt32(truncatingIfNeeded: key)
                key += 1 + Int(tape[key + 1].span)
            }
            return nil
        }
        if let duplicate { throw JSONFault(.duplicateMember, at: Int(tape[duplicate].start) - 1) }
    }

    private static func hash(_ base: UnsafeRawPointer, _ key: JSONTapeEntry) -> Int {
        withContent(base, key) { bytes in
            var hasher = Hasher()
            hasher.combine(bytes: bytes)
            return hasher.finalize()
        }
    }

    @inline(__always)
    private static func equal(_ base: UnsafeRawPointer, _ left: JSONTapeEntry, _ right: JSONTapeEntry) -> Bool {
        if left.isEscaped || right.isEscaped { return unescapedEqual(base, left, right) }
        let count = left.end &- left.start
        guard count == right.end &- right.start else { return false }
        return ByteScan.equal(base + Int(left.start), base + Int(right.start), count: Int(count))
    }

    @inline(never)
    private static func unescapedEqual(
        _ base: UnsafeRawPointer,
        _ left: JSONTapeEntry,
        _ right: JSONTapeEntry
    ) -> Bool {
        withContent(base, left) { leftBytes in
            withContent(base, right) { rightBytes in
                leftBytes.elementsEqual(rightBytes)
            }
        }
    }

    @inline(__always)
    private static func withContent<R>(
        _ base: UnsafeRawPointer,
        _ entry: JSONTapeEntry,
        _ body: (UnsafeRawBufferPointer) -> R
    ) -> R {
        let text = UnsafeRawBufferPointer(start: base + Int(entry.start), count: Int(entry.end - entry.start))
        guard entry.isEscaped else { return body(text) }
        return withUnsafeTemporaryAllocation(byteCount: text.count, alignment: 1) { scratch in
            let count = JSONText.unescape(text, into: scratch)
            return body(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        }
    }
}
