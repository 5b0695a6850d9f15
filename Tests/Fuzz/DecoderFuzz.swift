// Fuzz entries for the two decoders of ASICWire. Built by tools/fuzz in one module with ASICWire's own files, because
// the fuzzer wants one object with a C entry; FUZZ_RESPONSES chooses which decoder.
//
// Input: one byte that chooses dialect and form, then the stream. Whatever stands in it, decoding must end, must take
// every byte exactly once, and must find in a frame that it encodes again what it found the first time.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let stream = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    #if FUZZ_RESPONSES
        let formats: [ResponseFormat] = [.bare, .short, .long]
        let format = formats[Int(start[0]) % formats.count]
        walk(stream, { decodeResponse($0, format) }, again: { $0.wireBytes(format) })
    #else
        let dialect: WireDialect = start[0] & 1 == 0 ? .preambled : .bare
        let jobs: JobForm = start[0] & 2 == 0 ? .fullHeader : .midstates
        walk(stream, { decodeCommand($0, dialect, jobs: jobs) }, again: { $0.wireBytes(dialect) })
    #endif
    return 0
}

private func walk<Frame>(
    _ stream: [UInt8], _ decode: (ArraySlice<UInt8>) -> Decoded<Frame>, again encode: (Frame) -> [UInt8]
) {
    var position = 0
    decoding: while true {
        switch decode(stream[position...]) {
        case .frame(let frame, let length):
            precondition(length > 0 && position + length <= stream.count, "a frame lies within the stream")
            let bytes = encode(frame)
            guard case .frame(let same, _) = decode(bytes[...]), same == frame else {
                preconditionFailure("what was decoded encodes to itself")
            }
            position += length
        case .skip(let skipped):
            precondition(skipped > 0 && position + skipped <= stream.count, "a skip makes way")
            position += skipped
        case .needMore:
            // The longest frame there is has 152 bytes: more than that is never held back.
            precondition(stream.count - position < 152, "what is held back is less than a frame")
            break decoding
        }
    }
}
