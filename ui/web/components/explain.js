// Why a request goes where it goes: paste what a browser sends, read which rule decided. Only asks; nothing is drawn or counted.

import { freshId, h, keyed, setShown, setText } from '../dom.js';
import { parseBlend } from '../blend.js';
import { errorLine, field, submitButton } from './controls.js';

// As a browser loads a page.
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
		field('Cookie', cookie, 'A Cookie header, or the value of rolling_pin alone; empty: a new client.'),
		field('Path', path),
		field('Preview link', preview, 'What a tester opened; empty: none.'),
		field('Header', header, 'One more header, such as the one that chooses a release or that clients are known by.'),
		field('Address', address, 'Where it comes from; empty: not said.'),
		field('If the blend were', blend, 'Empty: as it is.'),
		h('p', {}, submitButton('Explain', 'explain-submit')),
		error,
		answer,
	);

	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		const supposed = blend.value.trim() ? parseBlend(blend.value) : {};
		setText(error, supposed.error ?? '');
		setShown(answer, false);
		if (supposed.error) return;
		try {
			const told = await explain({
				cookies: cookie.value,
				path: path.value || '/',
				headers: { ...PAGE_LOAD, ...oneHeader(header.value) },
				blend: supposed.value,
				preview: preview.value || undefined,
				address: address.value || undefined,
			});
			setText(where.firstChild, whereTo(told));
			keyed(why, told.why, (line) => line, line);
			setShown(answer, true);
		} catch (failure) {
			setText(error, failure.message);
		}
	});

	return { element: h('details.panel', { testid: 'explain' }, h('summary', { testid: 'explain-open' }, 'Explain a request'), form) };
}

/** `Name: value` as an object; nothing for nothing. */
function oneHeader(text) {
	const [name, ...value] = text.split(':');
	return name.trim() ? { [name.trim()]: value.join(':').trim() } : {};
}

function whereTo({ release, endpoint, reason, status }) {
	if (release) return `${release.release} (${release.track}), ${endpoint.address}, reason ${reason}`;
	return status === 503 ? '503: no release is routed' : `${status}: it goes to no release`;
}

const line = () => {
	const element = h('li');
	return { element, update: (text) => setText(element, text) };
};
