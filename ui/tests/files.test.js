import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ui = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const SERVED = /\.(html|css|js|svg)$/;
// 150 KiB: what a first visit fetches, uncompressed.
const BYTES_MAX = 150 * 1024;

function files(folder = ui) {
	return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
		if (entry.name === 'tests') return [];
		return entry.isDirectory() ? files(join(folder, entry.name)) : [relative(ui, join(folder, entry.name))];
	}).filter((name) => SERVED.test(name)).sort();
}

const text = (name) => readFileSync(join(ui, name), 'utf8');

test('the README lists exactly the files to embed', () => {
	const block = /```files\n([^]*?)```/.exec(text('README.md'))[1];
	assert.deepEqual(block.trim().split(/\s+/).sort(), files());
});

test('all of it is under 150 KiB', () => {
	const bytes = files().reduce((sum, name) => sum + statSync(join(ui, name)).size, 0);
	assert.ok(bytes < BYTES_MAX, `${bytes} bytes`);
});

test('every import and every reference of the page names an embedded file', () => {
	const known = new Set(files());
	for (const name of files().filter((file) => file.endsWith('.js'))) {
		for (const [, target] of text(name).matchAll(/^import .* from '([^']+)';$/gm)) {
			assert.ok(known.has(join(dirname(name), target)), `${name} imports ${target}`);
		}
	}
	for (const [, target] of text('index.html').matchAll(/(?:src|href)="\/ui\/([^"]+)"/g)) assert.ok(known.has(target), target);
});

test('nothing needs more than the content security policy allows', () => {
	assert.doesNotMatch(text('index.html'), /\sstyle=|\son\w+=|<script(?![^>]*src=)|<style/);
	for (const name of files().filter((file) => file.endsWith('.js'))) {
		assert.doesNotMatch(text(name), /innerHTML|outerHTML|insertAdjacentHTML|\beval\(|new Function|style: '|https?:\/\/(?!www\.w3\.org\/2000\/svg)/, name);
	}
	for (const name of files().filter((file) => file.endsWith('.css'))) assert.doesNotMatch(text(name), /@import|url\(/, name);
});

test('every data-testid is listed in the README', () => {
	const readme = text('README.md');
	for (const name of files().filter((file) => file.endsWith('.js'))) {
		for (const [, id] of text(name).matchAll(/(?:testid: |submitButton\([^,]+, |errorLine\(|name: )'([a-z0-9-]+)'/g)) assert.ok(readme.includes(`\`${id}\``), `${name}: ${id}`);
	}
});
