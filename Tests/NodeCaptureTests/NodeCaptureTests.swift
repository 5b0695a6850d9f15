import BitcoinPrimitives
import CZlib
import Foundation
import RecordedNode
import TestSupport
import Testing

@testable import NodeCapture

private let file = Shared.packageRoot.appendingPathComponent("Hardware/captures/regtest-node.json.gz")

/// Packs `bytes` as one gzip member.
private func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    precondition(
        deflateInit2_(
            &stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)) == Z_OK)
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: bytes.count + bytes.count / 100 + 1_000)
    let room = output.count
    input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(room)
            precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
        }
    }
    return Array(output.prefix(room - Int(stream.avail_out)))
}

private func fault(_ bytes: [UInt8]) -> CaptureFault.Reason? {
    bytes.withUnsafeBytes { buffer in
        do throws(CaptureFault) {
            _ = try NodeCapture.recording(gzip: buffer, source: "test")
            return nil
        } catch {
            #expect(error.source == "test")
            #expect(error.description.hasPrefix("test: ") && error.description.hasSuffix("."))
            return error.reason
        }
    }
}

private func fault(json: String) -> CaptureFault.Reason? { fault(gzip(Array(json.utf8))) }

@Test func `the recording is read as it was made`() throws {
    let recording = try NodeCapture.recording(file: file.path)
    #expect(recording.blocks.count == 228)
    #expect(recording.mempool.count == 11_950)
    #expect(recording.template.height == 228)
    #expect(recording.template.txids.count == 3_657)
    #expect(
        recording.template.figures
            == TemplateFigures(
                transactions: 3_657, fees: Satoshis(rawValue: 57_061_390),
                weight: Weight(weightUnits: 3_991_873)))
}

@Test func `a corrupted capture names the place and what to do`() throws {
    let good = [UInt8](try Data(contentsOf: file))
    #expect(fault([]) == .notGzip)
    #expect(fault(Array("{}".utf8)) == .notGzip)
    #expect(fault(Array(good.prefix(1_000_000))) == .truncated(atByte: 1_000_000))
    #expect(fault(Array(good.dropLast(1))) == .truncated(atByte: good.count - 1))
    #expect(fault(good + [0]) == .trailingBytes(1))
    var wrongChecksum = good
    wrongChecksum[good.count - 6] ^= 1
    #expect(fault(wrongChecksum) == .damaged(atByte: good.count - 4, zlib: "incorrect data check"))
    // One bit in the middle: the stream breaks there, or its checksum at the end does.
    var flipped = good
    flipped[good.count / 2] ^= 0x10
    guard case .damaged = fault(flipped) else { return #expect(Bool(false)) }
}

@Test func `a small file that unpacks without end is stopped`() {
    let bomb = gzip([UInt8](repeating: 0x20, count: 3_000_000))
    #expect(bomb.count < 10_000)
    let reason = bomb.withUnsafeBytes { buffer -> CaptureFault.Reason? in
        do throws(CaptureFault.Reason) {
            _ = try Gunzip.unpack(buffer, limit: 1_000_000)
            return nil
        } catch {
            return error
        }
    }
    #expect(reason == .expandsBeyond(limit: 1_000_000))
}

private let template = """
    {"version": 1, "previousblockhash": "\(String(repeating: "0", count: 64))", "height": 1, \
    "bits": "207fffff", "mintime": 1, "transactions": []}
    """

private func document(
    chain: String = "regtest", blocks: String = "[]", mempool: String = "[]", template: String = template
) -> String {
    """
    {"chain": "\(chain)", "blocks": \(blocks), "mempool": \(mempool), "getblocktemplate": \(template), \
    "reference": {"transactions": 0, "fees": 0, "weight": 0}}
    """
}

@Test func `a fault in the JSON is named by its path`() {
    guard case .json(path: "", let problem) = fault(json: "{\"chain\": }") else {
        return #expect(Bool(false))
    }
    #expect(problem.contains("character 10"), "\(problem)")
    #expect(fault(json: "{}") == .json(path: "chain", problem: "is missing"))
    let id = String(repeating: "0", count: 64)
    let minus = document(mempool: "[{\"txid\": \"\(id)\", \"weight\": 1, \"fee\": -1, \"hex\": \"\"}]")
    let negative = fault(json: minus)
    guard case .json(path: "", let sign) = negative else { return #expect(Bool(false)) }
    #expect(sign.contains("negative"))
    let text = document(mempool: "[{\"txid\": \"\(id)\", \"weight\": 1, \"fee\": \"1\", \"hex\": \"\"}]")
    guard case .json(path: "mempool[0].fee", _) = fault(json: text) else { return #expect(Bool(false)) }
    #expect(fault(json: document(chain: "main")) == .wrongChain("main"))
    #expect(fault(json: document(blocks: "[\"0g\"]")) == .notHexadecimal(path: "blocks[0]"))
    #expect(fault(json: document(blocks: "[\"00\"]")) == .block(height: 0, .truncated(offset: 0, needed: 3)))
    let entry = "[{\"txid\": \"00\", \"weight\": 1, \"fee\": 1, \"hex\": \"00\"}]"
    guard case .transaction(path: "mempool[0].hex", _) = fault(json: document(mempool: entry)) else {
        return #expect(Bool(false))
    }
    #expect(
        fault(json: document(template: template.replacingOccurrences(of: "207fffff", with: "207fff")))
            == .notHexadecimal(path: "getblocktemplate.bits"))
    #expect(fault(json: document()) == nil)
}

@Test func `a file that is not there is an error with its name`() {
    do throws(CaptureFault) {
        _ = try NodeCapture.recording(file: "/nonexistent/capture.gz")
        #expect(Bool(false))
    } catch {
        #expect(error == CaptureFault(source: "/nonexistent/capture.gz", reason: .unreadable(errno: ENOENT)))
    }
}

@Test func `a recording without blocks is a fault of its file`() throws {
    let empty = gzip(Array(document().utf8))
    let recording = try empty.withUnsafeBytes { try NodeCapture.recording(gzip: $0, source: "empty") }
    #expect(throws: CaptureFault(source: "empty", reason: .recording(.noBlocks))) {
        try NodeCapture.node(playing: recording, seed: 1, source: "empty")
    }
}
