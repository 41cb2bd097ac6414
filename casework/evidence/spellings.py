"""Fictional names as they were taken in, and as somebody else spells them: misspelt, transliterated, in another order.

(full name, original script or None, spellings that must find it). Every name is invented.
"""

from __future__ import annotations

SPELLINGS: tuple[tuple[str, str | None, tuple[str, ...]], ...] = (
    ("Muhammad Tarkouine", "محمد تركوين", ("Mohammed Tarkwin", "Mohamad Tarkouin", "محمد تركوين", "Tarkouine Mohamed")),
    ("Khadija Ombreval", "خديجة أومبريفال", ("Kadija Ombreval", "Khadidja Ombrevall", "خديجة أومبريفال")),
    ("Youssef Al-Zafirelle", "يوسف الزفيرال", ("Yusuf Zafirel", "Yousef Alzafirelle", "Youcef Al Zafirelle")),
    ("Abdoulaye Norvalis", None, ("Abdulaye Norvalis", "Abdoullaye Norvaliss", "Norvalis Abdoulay")),
    ("Ekaterina Brumadorova", "Екатерина Брумадорова", ("Yekaterina Brumadorova", "Екатерина Брумадорова", "Katerina Brumadorova")),
    ("Oleksandr Sablonchuk", "Олександр Саблончук", ("Aleksandr Sablonchuk", "Alexander Sablontchouk", "Олександр Саблончук")),
    ("Dmytro Kestouchenko", "Дмитро Кестоученко", ("Dmitri Kestuchenko", "Dmitro Kestoutchenko", "Дмитро Кестоученко")),
    ("Tsegaye Quenorvi", "ጸጋዬ ከኖርቪ", ("Tsegaye Kenorvi", "Tsegay Quenorvy", "ጸጋዬ ከኖርቪ")),
    ("Mekdes Lirandew", "መቅደስ ሊራንደው", ("Mekedes Lirandew", "Makdes Lirandeu", "መቅደስ ሊራንደው")),
    ("Zhang Weilun", "张伟伦", ("Zang Weilun", "Weilun Zhang", "张伟伦", "Chang Weilun")),
    ("Li Xiaomeng", "李晓梦", ("Li Xiaomen", "Lee Xiaomeng", "李晓梦")),
    ("Jean-Baptiste Sablonvert", None, ("Janbatis Sablonve", "Jan Batis Sablonvert", "Jean Baptist Sablonver")),
    ("Wideline Pyèfiktif", None, ("Widlin Pierrefictif", "Widelyne Pyefiktif", "Wideline Pyè Fiktif")),
    ("Islande Kestoufa", None, ("Islann Kestoufa", "Ysland Kestoufa", "Islande Kestuffa")),
    ("Guadalupe Valcourtois", None, ("Guadelupe Valcortois", "Guadalup Valcourtoi", "Valcourtois Guadalupe")),
    ("Ximena Brumadoré", None, ("Jimena Brumadore", "Ximena Brumadorre", "Himena Brumadoré")),
    ("Nguyễn Thị Ombrevân", None, ("Nguyen Thi Ombrevan", "Nguyen Ombrevan", "Nguien Thi Ombrevan")),
    ("Şükrü Tarkouineoğlu", None, ("Sukru Tarkouineoglu", "Shukru Tarkouinoglu", "Sükrü Tarkuineoğlu")),
    ("Arezou Norvalipour", "آرزو نوروالی‌پور", ("Arezo Norvalipour", "Arzu Norvalipur", "آرزو نوروالی پور")),
    ("Gulnaz Zafirkhel", "گلناز زفیرخیل", ("Golnaz Zafirkhel", "Gulnaaz Zafirkhail", "گلناز زفیرخیل")),
    ("Chiamaka Quenorvike", None, ("Chiamaca Quenorvike", "Chyamaka Kenorvike", "Chiamaka Quenorviké")),
    ("Oluwaseun Lirandola", None, ("Oluwaseyun Lirandola", "Oluwasehun Lirandolla", "Lirandola Oluwaseun")),
    ("Giorgi Brumadze", "გიორგი ბრუმაძე", ("Georgi Brumadze", "Giorgy Brumadse", "გიორგი ბრუმაძე")),
    ("Sivakumar Ombrevarasan", "சிவகுமார் ஒம்பிரேவரசன்", ("Shivakumar Ombrevarasan", "Sivakumar Ombrevarashan", "Sivakumaar Ombrevarasan")),
)  # fmt: skip
