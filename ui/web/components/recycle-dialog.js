// The dialog that has the containers of a deployment made anew: it says who moves, and when.

import { h, showLines } from '../dom.js';
import { whoMoves } from '../deployment-words.js';
import { field } from './controls.js';
import { openFormDialog } from './dialog.js';

export function openRecycleDialog({ api, model, notices, app, deployment, done }) {
	const most = Math.max(1, Math.floor(deployment.replicas / 2));
	const number = (id, range) => h('input.input', { id, type: 'number', autocomplete: 'off', ...range });
	const drain = number('recycle-drain', { testid: 'recycle-drain', min: '0', max: '2592000', value: '300' });
	const parallel = number('recycle-parallel', { testid: 'recycle-parallel', min: '1', max: most, value: '1' });
	const inPlace = h('input', { id: 'recycle-in-place', testid: 'recycle-in-place', type: 'checkbox' });
	const moves = h('ul.advice', { testid: 'recycle-moves' });
	const choice = () => ({ drain: Number(drain.value), parallel: Number(parallel.value), inPlace: inPlace.checked });
	const show = () => showLines(moves, whoMoves(deployment, choice()));
	for (const control of [drain, parallel, inPlace]) control.addEventListener('input', show);
	const role = model.facts.who?.role;
	const mayReplace = role === 'operator' || role === 'admin';
	openFormDialog({
		stem: 'recycle',
		title: `Make the containers of ${deployment.id} anew?`,
		tone: 'primary',
		content: h(
			'div.stack',
			{},
			h('h3', {}, 'Who moves'),
			moves,
			field('Seconds that clients may stay', drain, 'Unless they navigate before: then they go to a new container at once.'),
			most > 1 ? field('Containers at a time', parallel, `At most ${most}: half of them.`) : null,
			mayReplace
				? h('label.check', { for: 'recycle-in-place' }, inPlace, ' Take what the name of the image means now (ends approvals)')
				: null,
		),
		submit: `Recycle ${deployment.id}`,
		send: async () => {
			const body = { drain: Number(drain.value), parallel: Number(parallel.value) };
			await api.changeDeployment(app, deployment.id, 'recycle', inPlace.checked ? { ...body, in_place: true } : body);
			notices.post({ text: `${deployment.id} is being recycled.`, tone: 'done' });
		},
		done,
	});
	show();
}
