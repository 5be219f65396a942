// Explains why a request goes where it goes: paste what a browser sends, and read which rule decided. Nothing is drawn or counted.

import { freshId, h, setShown, setText, showLines } from '../dom.js';
import { parseBlend } from '../blend.js';
import { errorLine, field, submitButton } from './controls.js';

// What a browser sends when it loads a page.
const PAGE_LOAD = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' };

/** `explain(body)` asks the router. */
export function explainPanel({ explain }) {
	const input = (testid, props) => h('input.input', { id: freshId('explain'), autocomplete: 'off', testid, ...props });
	const cookie = input('explain-cookie', { spellcheck: 'false' });
	const path = input('explain-path', { value: '/' });
	const preview = input('explain-preview', { spellcheck: 'false' });
	const header = input('explain-header', { spellcheck: 'false', placeholder: 'Name: value' });
	const address = input('explain-address', { spellcheck: 'false' });
	const blend = input('explain-blend', { inputmode: 'decimal', size: '6' });
	const error = errorLine('explain-error');
	const where = h('p', {}, h('b', { testid: 'explain-where' }));
	const why = h('ol.advice', { testid: 'explain-why' });
	const answer = h('div', { hidden: true, role: 'status' }, where, why);
	const form = h(
		'form.stack',
		{},
		field('Cookie', cookie, 'A Cookie header, or the value of rolling_pin alone. Empty: a new client.'),
		field('Path', path),
		field('Preview link', preview, 'The link that a tester opened. Empty: none.'),
		field('Header', header, 'One more header, such as the one that chooses a release or identifies clients.'),
		field('Address', address, 'The client’s IP address. Empty: unknown.'),
		field('If the blend were', blend, 'Empty: the current blend.'),
		h('p', {}, submitButton('Explain', 'explain-submit')),
		error,
		answer,
	);

	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		const read = blend.value.trim() ? parseBlend(blend.value) : {};
		setText(error, read.error ?? '');
		setShown(answer, false);
		if (read.error) return;
		try {
			const explained = await explain({
				cookies: cookie.value,
				path: path.value || '/',
				headers: { ...PAGE_LOAD, ...parseHeader(header.value) },
				blend: read.value,
				preview: preview.value || undefined,
				address: address.value || undefined,
			});
			setText(where.firstChild, describeAnswer(explained));
			showLines(why, explained.why);
			setShown(answer, true);
		} catch (failure) {
			setText(error, failure.message);
		}
	});

	return { element: h('details.panel', { testid: 'explain' }, h('summary', { testid: 'explain-open' }, 'Explain a request'), form) };
}

/** `Name: value` as an object, which is empty for an empty text. */
function parseHeader(text) {
	const [name, ...value] = text.split(':');
	return name.trim() ? { [name.trim()]: value.join(':').trim() } : {};
}

function describeAnswer({ release, endpoint, reason, status }) {
	if (release) return `${release.release} (${release.track}), ${endpoint.address}${endpoint.name ? ` (${endpoint.name})` : ''}, reason ${reason}`;
	return status === 503 ? '503: no release is routed' : `${status}: the request goes to no release`;
}
