import Foundation
import NodeCapture

/// A file of the benchmark data, unpacked where its name says that it is packed; `nil` when there is none.
func benchFile(_ path: String) throws -> [UInt8]? {
    guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
    guard path.hasSuffix(".gz") else { return Array(bytes) }
    return try bytes.withUnsafeBytes { bytes throws(CaptureFault.Reason) in
        try Gunzip.unpack(bytes, limit: 1 << 30)
    }
}
