// Signing in: the token is tried against the router before it is kept.

import { createApi } from '../api.js';
import { h, setAttr, setText } from '../dom.js';
import { ICON } from '../theme.js';
import { errorLine, submitButton } from '../components/controls.js';

/** `why` says why the reader is here again; `signedIn(token, who)` goes on. */
export function signInPage({ why, signedIn }) {
	const token = h('input.input.mono', {
		id: 'token',
		type: 'password',
		autocomplete: 'current-password',
		spellcheck: 'false',
		required: true,
		testid: 'sign-in-token',
		'aria-describedby': 'token-hint token-error',
	});
	const error = errorLine('sign-in-error', { id: 'token-error' });
	const submit = submitButton('Sign in', 'sign-in-submit');
	setText(error, why);
	const form = h(
		'form.panel.sign-in',
		{},
		h('img', { src: ICON, alt: '', width: '40', height: '40' }),
		h('h1', {}, 'rolling-router'),
		h(
			'div.field',
			{},
			h('label', { for: 'token' }, 'Token'),
			token,
			h(
				'p.quiet',
				{ id: 'token-hint' },
				'The router printed it at its first start; it stands in its token file. It is kept in this tab only.',
			),
		),
		error,
		submit,
	);

	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		const value = token.value.trim();
		if (!/^[\x21-\x7e]+$/.test(value)) return setText(error, 'A token is one word without spaces.');
		setAttr(submit, 'aria-disabled', 'true');
		setText(error, '');
		try {
			signedIn(value, await createApi(value).whoami());
		} catch (refusal) {
			setText(error, words(refusal));
			setAttr(submit, 'aria-disabled', null);
			token.select();
		}
	});

	return { element: h('main.sign-in-page', {}, form), title: 'Sign in', focus: () => token.focus() };
}

function words(refusal) {
	if (refusal.status === 401) return 'The router does not know this token.';
	if (refusal.status === 429) return `Too many wrong tokens. Try again in ${refusal.retryAfter ?? 'a few'} seconds.`;
	return refusal.message;
}
