/// A small generator whose whole run follows from its seed (Steele, Lea, Flood 2014).
struct SplitMix64 {
    private static let step: UInt64 = 0x9e37_79b9_7f4a_7c15
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// The generator of one of many streams of a seed.
    init(seed: UInt64, stream: UInt64) {
        var mixed = SplitMix64(seed: seed ^ (stream &+ 1) &* Self.step)
        state = mixed.next()
    }

    mutating func next() -> UInt64 {
        state &+= Self.step
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// One of `0..<bound`; 0 where there is none.
    mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: next().multipliedFullWidth(by: UInt64(max(1, bound))).high)
    }

    /// True in one of `count` cases.
    mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[below(choices.count)] }
}
