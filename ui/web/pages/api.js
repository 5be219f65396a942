// The API, as this router describes it: every call with its fields, its answers, and how to try it.

import { BASE } from '../base.js';
import { listCalls, buildCurl } from '../api-model.js';
import { h, setText } from '../dom.js';
import { plural } from '../format.js';
import { errorLine, pageHead, prose } from '../components/controls.js';
import { findBox } from '../components/find-box.js';

export function apiPage({ api, params }) {
	const find = findBox({ label: 'Find a call or field', testid: 'api-find', value: params.find, onChange: () => draw() });
	const lead = h('p.lead');
	const count = h('p.quiet', { role: 'status', testid: 'api-count' });
	const error = errorLine('api-error');
	const list = h('ul.calls');
	let rows = [];

	api.getDescription().then(
		(page) => {
			lead.replaceChildren(...prose(page.info.description ?? ''));
			rows = listCalls(page).map((call) => ({ call, element: buildCallRow(call), text: JSON.stringify(call) }));
			list.replaceChildren(...rows.map(({ element }) => element));
			draw();
		},
		(refusal) => setText(error, refusal.message),
	);

	function draw() {
		let shown = 0;
		for (const { element, text } of rows) {
			element.hidden = !find.matches(text);
			if (!element.hidden) shown += 1;
		}
		setText(count, shown === rows.length ? plural(shown, 'call') : `${shown} of ${plural(rows.length, 'call')}`);
	}

	return { element: h('div', {}, pageHead('API', find.element), lead, count, error, list), title: 'API' };
}

function buildCallRow(call) {
	const details = h(
		'details',
		{ testid: `call-${call.id}` },
		h('summary', {}, h('b.call-method', {}, call.method), ' ', h('code', {}, call.path), ' ', h('span.quiet', {}, call.summary)),
	);
	// The body is built when it is first opened, so that hundreds of rows of fields that nobody opens cost nothing.
	details.addEventListener('toggle', () => {
		if (details.open && !details.querySelector('.call-body')) details.append(buildCallBody(call));
	});
	return h('li.panel.call', {}, details);
}

function buildCallBody(call) {
	return h(
		'div.call-body.stack',
		{},
		call.description ? h('p', {}, prose(call.description)) : null,
		buildFieldList('Parameters', call.parameters),
		buildFieldList('JSON body', call.body),
		h(
			'section',
			{},
			h('h3', {}, 'Answers'),
			h(
				'dl.call-fields',
				{},
				call.answers.map(([status, words]) => h('div.row', {}, h('dt.mono', {}, status), h('dd', {}, prose(words)))),
			),
		),
		h('section', {}, h('h3', {}, 'Try it'), h('pre.call-curl', {}, buildCurl(call, location.origin + BASE))),
	);
}

function buildFieldList(title, fields) {
	if (fields.length === 0) return null;
	return h(
		'section',
		{},
		h('h3', {}, title),
		h(
			'dl.call-fields',
			{},
			fields.map(({ name, type, description, required, where }) =>
				h(
					'div.row',
					{},
					h(
						'dt',
						{},
						h('code', {}, name),
						h('span.quiet', {}, ` ${[where === 'body' ? '' : `in ${where}`, type, required ? 'required' : ''].filter(Boolean).join(', ')}`),
					),
					h('dd', {}, prose(description)),
				),
			),
		),
	);
}
