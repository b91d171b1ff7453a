// Unpacks the Chromium that npm brought, with its libraries, fonts and renderer: node unpack.mjs PACKAGE TARGET FONTS
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";

const [source, target, fonts] = process.argv.slice(2);

async function decompress(name, file, mode = 0o644) {
  await pipeline(fs.createReadStream(`${source}/bin/${name}.br`), zlib.createBrotliDecompress(), fs.createWriteStream(file, { mode }));
}

async function unpack(name, into) { // by way of a file: tar stops reading before the end of what a pipe brings
  fs.mkdirSync(into, { recursive: true });
  const archive = `${into}/${name}.tar`;
  await decompress(`${name}.tar`, archive);
  execFileSync("tar", ["-x", "-f", archive, "-C", into]);
  fs.rmSync(archive);
}

fs.rmSync(target, { recursive: true, force: true });
await unpack("al2023", target); // lib/, what a bare machine may lack
await unpack("fonts", target);
await unpack("swiftshader", target); // has to lie beside the program
fs.writeFileSync(
  `${target}/fonts.conf`,
  `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>${target}/fonts</dir><dir>${fonts}</dir><cachedir>${target}/font-cache</cachedir>
<alias><family>sans-serif</family><prefer><family>Open Sans</family><family>DejaVu Sans</family></prefer></alias>
<alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>\n`,
);
await decompress("chromium", `${target}/chromium`, 0o755); // last: where the program lies, everything is whole
