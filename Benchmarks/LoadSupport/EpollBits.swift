/// The event bits of epoll as numbers: Glibc's own are of an enumeration.
public enum EpollBits {
    @inlinable public static var `in`: UInt32 { 0x1 }
    @inlinable public static var out: UInt32 { 0x4 }
    @inlinable public static var error: UInt32 { 0x8 }
    @inlinable public static var hangUp: UInt32 { 0x10 }
}
