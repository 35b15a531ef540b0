/// Records by index.
struct Slab<Record> {
    private var records: [Record] = []
    private var free: [TableIndex<Record>] = []

    subscript(_ index: TableIndex<Record>) -> Record {
        @inline(__always)
        _read { yield records[index.offset] }
        @inline(__always)
        _modify { yield &records[index.offset] }
    }

    mutating func insert(_ record: Record) -> TableIndex<Record> {
        if let reused = free.popLast() {
            self[reused] = record
            return reused
        }
        records.append(record)
        return TableIndex(offset: records.count - 1)
    }

    /// Releases an index for reuse; its record stays until then.
    mutating func release(_ index: TableIndex<Record>) { free.append(index) }
}
