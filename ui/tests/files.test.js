import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const ui = resolve(dirname(fileURLToPath(import.meta.url)), '..');
// Everything in this folder is served, and nothing else.
const web = join(ui, 'web');
// What a first visit may fetch, compressed as the router does it.
const FIRST_VISIT_BYTES_MAX = 90_000;
// What all of it may be, compressed and not: still read in a blink.
const WIRE_BYTES_MAX = 160_000;
const PLAIN_BYTES_MAX = 480_000;
const COLUMNS_MAX = 160;
const LINES_MAX = 450;

function files(folder = web) {
	return readdirSync(folder, { withFileTypes: true })
		.flatMap((entry) => {
			const path = join(folder, entry.name);
			return entry.isDirectory() ? files(path) : [relative(web, path)];
		})
		.sort();
}

const scripts = () => files().filter((file) => file.endsWith('.js'));
const text = (name) => readFileSync(join(web, name), 'utf8');

const targetsIn = (name, pattern) => [...text(name).matchAll(pattern)].map(([, target]) => join(dirname(name), target));

/** What a script imports at once, and what it fetches when it begins. */
const importsAtOnce = (name) => targetsIn(name, /^(?:(?:import|\}) .*from |\tawait import\()'([^']+)'\)?;$/gm);

/** The pages that a script fetches when they are first opened. */
const importsLater = (name) => targetsIn(name, /\(await import\('([^']+)'\)\)/g);

const importsOf = (name) => [...importsAtOnce(name), ...importsLater(name)];

/** Everything that a first visit fetches. */
function firstVisit(name = 'main.js', found = new Set()) {
	if (!found.has(name)) {
		found.add(name);
		for (const target of importsAtOnce(name)) firstVisit(target, found);
	}
	return found;
}

// As the router sends it: without indentation and comments that have lines of their own (src/control/admin/squeeze.rs).
function sent(name, bytes) {
	if (!/\.(js|css)$/.test(name)) return bytes;
	return String(bytes)
		.replace(/^\s*\/\*[^]*?\*\/$/gm, '')
		.replace(/^\s*\/\/.*$/gm, '')
		.replace(/^[ \t]+/gm, '');
}

test('comments have lines of their own and no text spans lines, since the router sends neither', () => {
	for (const name of files().filter((file) => /\.(js|css)$/.test(file))) {
		for (const [at, line] of text(name).split('\n').entries()) {
			const isComment = /^\s*(\/\/|\/?\*)/.test(line) || (name.endsWith('.css') && /^   \S/.test(line));
			const where = `${name}:${at + 1}`;
			if (isComment) assert.match(line, /^(?!.*\*\/.)/, where);
			else assert.ok(!line.includes('/*') && (name.endsWith('.css') || (line.match(/`/g) ?? []).length % 2 === 0), where);
		}
	}
});

test('all of it is small, compressed and not, and a first visit smaller', () => {
	const sum = (names, size) => names.reduce((total, name) => total + size(readFileSync(join(web, name)), name), 0);
	const onWire = (bytes, name) => gzipSync(sent(name, bytes), { level: 9 }).length;
	const [wire, plain] = [sum(files(), onWire), sum(files(), (bytes) => bytes.length)];
	assert.ok(wire < WIRE_BYTES_MAX && plain < PLAIN_BYTES_MAX, `${wire} bytes compressed, ${plain} bytes not`);
	const first = firstVisit();
	const fetched = files().filter((name) => !name.endsWith('.js') || first.has(name));
	const visit = sum(fetched, onWire);
	assert.ok(visit < FIRST_VISIT_BYTES_MAX, `a first visit is ${visit} bytes compressed`);
});

test('every import and every reference of the page names an embedded file', () => {
	const known = new Set(files());
	for (const name of scripts()) for (const target of importsOf(name)) assert.ok(known.has(target), `${name} imports ${target}`);
	for (const [, target] of text('index.html').matchAll(/(?:src|href)="\/ui\/([^"]+)"/g)) assert.ok(known.has(target), target);
});

test('no line is long and no file is long', () => {
	for (const name of files().filter((file) => /\.(js|css)$/.test(file))) {
		const lines = text(name).split('\n');
		assert.ok(lines.length <= LINES_MAX, `${name} has ${lines.length} lines`);
		for (const [at, line] of lines.entries()) assert.ok(line.length <= COLUMNS_MAX, `${name}:${at + 1} has ${line.length} columns`);
	}
});

test('no file imports itself in a circle', () => {
	const done = new Set();
	function visit(name, path) {
		assert.ok(!path.includes(name), [...path, name].join(' -> '));
		if (done.has(name)) return;
		for (const target of importsOf(name)) visit(target, [...path, name]);
		done.add(name);
	}
	visit('main.js', []);
	assert.deepEqual([...done].sort(), scripts(), 'every script is used');
});

test('nothing needs more than the content security policy allows', () => {
	assert.doesNotMatch(text('index.html'), /\sstyle=|\son\w+=|<script(?![^>]*src=)|<style/);
	for (const name of scripts()) {
		assert.doesNotMatch(
			text(name),
			/innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function|style: '|https?:\/\/(?!www\.w3\.org\/2000\/svg)/,
			name,
		);
	}
	for (const name of files().filter((file) => file.endsWith('.css'))) assert.doesNotMatch(text(name), /@import|url\(/, name);
});

test('every data-testid is listed in the README', () => {
	const readme = readFileSync(join(ui, 'README.md'), 'utf8');
	for (const name of scripts()) {
		for (const [, id] of text(name).matchAll(/(?:testid: |submitButton\([^,]+, |errorLine\(|name: )'([a-z0-9-]+)'/g))
			assert.ok(readme.includes(`\`${id}\``), `${name}: ${id}`);
	}
});
