/// A memory budget that all connections share, without a count of who shares it.
///
/// A holder may have as much as is still free (the dynamic threshold of Choudhury and Hahne, "Dynamic queue length
/// thresholds for shared-memory packet switches", 1998): one alone gets half, `k` that want all get `bytesMax / (k +
/// 1)` each, and a newcomer always finds some capacity.
struct SharedBytes {
    let bytesMax: Int
    private(set) var total = 0

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// The most that one holder may have now.
    var share: Int { max(0, bytesMax - total) }
    var isOver: Bool { total > bytesMax }

    mutating func change(from old: Int, to new: Int) { total += new - old }
}
