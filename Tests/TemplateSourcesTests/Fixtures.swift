import CZlib
import Foundation
import TestSupport

@testable import TemplateSources

/// A folder of its own, gone with the value.
final class Folder {
    let url = FileManager.default.temporaryDirectory
        .appendingPathComponent("adit-sources-\(UInt64.random(in: .min ... .max))")

    init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes a file and gives its path.
    func file(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
        let file = url.appendingPathComponent(name)
        try Data(bytes).write(to: file)
        return file.path
    }
}

/// What opening a file ends with, if it fails.
func reason(_ path: String) -> SourceFault.Reason? {
    do throws(SourceFault) {
        _ = try TemplateSource(file: path)
        return nil
    } catch {
        return error.reason
    }
}

/// One gzip member (RFC 1952).
func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    precondition(
        deflateInit2_(
            &stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)) == Z_OK)
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))) + 64)
    let room = output.count
    let status = input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(room)
            return deflate(&stream, Z_FINISH)
        }
    }
    precondition(status == Z_STREAM_END)
    output.removeLast(Int(stream.avail_out))
    return output
}

/// A line of a table with an id made from its index.
func id(_ index: Int) -> String { String(repeating: String(format: "%04x", index), count: 16) }

let smallTable = """
    # idx,txid,weight,sigop_cost,fee_sat,parents
    0,\(id(0)),400,4,1000,
    1,\(id(1)),600,,500,0
    2,\(id(2)),800,0,3000,0 1

    """

/// The recording that the project carries.
let capturePath = Shared.packageRoot.appendingPathComponent("Hardware/captures/regtest-node.json.gz").path
