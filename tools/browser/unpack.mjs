// Unpacks the Chromium that npm brought, with its libraries, fonts and renderer: node unpack.mjs PACKAGE TARGET FONTS
import { spawn } from "node:child_process";
import fs from "node:fs";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";

const [source, target, fonts] = process.argv.slice(2);

async function unpack(name, into) {
  fs.mkdirSync(into, { recursive: true });
  const tar = spawn("tar", ["-x", "-C", into], { stdio: ["pipe", "inherit", "inherit"] });
  const ended = new Promise((resolve, reject) => {
    tar.on("error", reject);
    tar.on("close", (code) => (code ? reject(new Error(`tar ended with ${code} on ${name}`)) : resolve()));
  });
  await pipeline(fs.createReadStream(`${source}/bin/${name}.tar.br`), zlib.createBrotliDecompress(), tar.stdin);
  await ended;
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
await pipeline( // last: where the program lies, everything is whole
  fs.createReadStream(`${source}/bin/chromium.br`),
  zlib.createBrotliDecompress(),
  fs.createWriteStream(`${target}/chromium`, { mode: 0o755 }),
);
