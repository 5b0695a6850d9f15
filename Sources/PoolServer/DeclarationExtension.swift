public import SV2Codec
public import SV2Roles

/// What a pool speaks on its job declaration connections besides the specification. It is granted to clients that ask
/// for it (extension 0x0001), and its frames come from those alone.
///
/// Every method is called on the service's loop.
public protocol DeclarationExtension: AnyObject, Sendable {
    var extensionType: UInt16 { get }
    /// Called once, before anything else. `send` takes a frame, header and payload, for a client that was granted the
    /// extension; to be called on the service's loop.
    func begin(send: @escaping (ConnectionID, _ frame: [UInt8]) -> Void)
    func received(_ header: FrameHeader, _ payload: [UInt8], from connection: ConnectionID)
    /// A connection is gone, whether it was ever heard of or not.
    func ended(_ connection: ConnectionID)
}
